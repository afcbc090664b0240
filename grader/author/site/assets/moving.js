/**
 * Pictures that move: what their scripts share.
 *
 * A script calls `Moving.add("masks", start)`. For each figure with `data-moving="masks"`, `start({ knobs, stage, said })`
 * fills two empty elements, with what the reader moves and with what is drawn. `said` is a line that is read aloud when
 * its text changes; it tells the state in words. All three then stand in the place of the still picture. If `start`
 * throws, the still picture stays. The Reset button empties the elements and calls `start` again, so a script keeps its
 * state in variables of `start`.
 */
"use strict";

const Moving = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const starts = {};

  function filled(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /** An HTML element with attributes and children. */
  function element(name, attributes = {}, ...children) {
    return filled(document.createElement(name), attributes, children);
  }

  /** An SVG element with attributes and children. */
  function shape(name, attributes = {}, ...children) {
    return filled(document.createElementNS(SVG, name), attributes, children);
  }

  /** SVG text at a place; `anchor` is "start", "middle" or "end". The class "over" keeps lines behind it out of it. */
  function text(x, y, words, { anchor = "start", name = "" } = {}) {
    return shape("text", { x, y, "text-anchor": anchor, class: name }, words);
  }

  /** A drawing of so many units, with a name for those who do not see it. A phone shows 340 units without scaling. */
  function drawing(width, height, label) {
    return shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  }

  /**
   * A drawing with two axes, each `{ low, high, ticks, name, words, log }`. The functions `x` and `y` tell where a number
   * is drawn, and `curve` draws points `[x, y]`, without those above or below the axes.
   */
  function plot(label, across, up, height = 270) {
    const [left, right, top, bottom, width] = [54, 322, 26, height - 36, 340];
    const svg = drawing(width, height, label);

    function share({ low, high, log = false }, number) {
      return log ? Math.log(number / low) / Math.log(high / low) : (number - low) / (high - low);
    }

    function x(number) {
      return left + share(across, number) * (right - left);
    }

    function y(number) {
      return bottom - share(up, number) * (bottom - top);
    }

    function curve(points, name) {
      const inside = points.filter(([, value]) => value >= up.low && value <= up.high);
      svg.append(shape("path", { d: `M${inside.map((point) => `${x(point[0]).toFixed(1)} ${y(point[1]).toFixed(1)}`).join("L")}`, class: name }));
    }

    const { words: wordsUp = plain } = up;
    const { words: wordsAcross = plain } = across;
    up.ticks.forEach((tick) => svg.append(
      shape("path", { d: `M${left} ${y(tick)}H${right}`, class: "axis" }),
      text(left - 6, y(tick) + 4, wordsUp(tick), { anchor: "end", name: "quiet" }),
    ));
    across.ticks.forEach((tick) => svg.append(text(x(tick), bottom + 16, wordsAcross(tick), { anchor: "middle", name: "quiet" })));
    svg.append(text(2, 12, up.name, { name: "quiet" }), text(right, height - 4, across.name, { anchor: "end", name: "quiet" }));
    return { svg, x, y, curve };
  }

  /** The whole numbers from `first` to `last`. */
  function whole(first, last) {
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  }

  /** A slider through a list of values, with its name and its value in words; `changed` gets the value. */
  function slider({ label, values, value, words = plain }, changed) {
    const input = element("input", { type: "range", min: 0, max: values.length - 1, value: values.indexOf(value) });
    const shown = element("span", { class: "value", "aria-hidden": "true" }); // an <output> would take the label

    function show(now) {
      shown.textContent = words(now);
      input.setAttribute("aria-valuetext", words(now));
    }

    input.addEventListener("input", () => {
      const now = values[Number(input.value)];
      show(now);
      changed(now);
    });
    show(value);
    return element("label", { class: "slider" }, element("span", {}, label), shown, input);
  }

  /** A field for a number from `low` to `high`; `changed` gets it as soon as it is one, and until then a line asks for it. */
  function field({ label, value, low, high }, changed) {
    const input = element("input", { type: "number", min: low, max: high, step: "any", value, inputmode: "decimal", required: "" });
    const asked = element("small", { role: "status" });
    input.addEventListener("input", () => {
      const valid = input.checkValidity(); // the browser marks the field otherwise
      asked.textContent = valid ? "" : `Type a number from ${plain(low)} to ${plain(high)}.`;
      if (valid) {
        changed(input.valueAsNumber);
      }
    });
    return element("div", { class: "field" }, element("label", {}, element("span", {}, label), input), asked);
  }

  /** Buttons of which one is pressed; `changed` gets the key of the new one. `press(key)` marks one, or none. */
  function choice(label, options, first, changed) {
    const buttons = new Map(Object.entries(options).map(([key, words]) => [key, button(words, () => {
      press(key);
      changed(key);
    })]));
    function press(key) {
      buttons.forEach((each, name) => each.setAttribute("aria-pressed", String(name === key)));
    }
    press(first);
    const group = element("div", { class: "buttons" }, ...buttons.values());
    return { press, element: element("fieldset", {}, element("legend", {}, label), group) };
  }

  /** A button. */
  function button(words, pressed) {
    const made = element("button", { type: "button" }, words);
    made.addEventListener("click", pressed);
    return made;
  }

  /** A number with so many digits, and a true minus sign unless all of them are 0. */
  function fixed(number, digits) {
    const words = number.toFixed(digits);
    return words.replace("-", Number(words) === 0 ? "" : "−");
  }

  /** The same after a sign such as "·": in brackets if it is negative. */
  function term(number, digits) {
    const words = fixed(number, digits);
    return words.startsWith("−") ? `(${words})` : words;
  }

  /** A number with commas: 12,500. */
  function plain(number) {
    return number.toLocaleString("en");
  }

  /** So many things in words: "1 token", "2,000 tokens". */
  function counted(number, thing) {
    return `${plain(number)} ${thing}${number === 1 ? "" : "s"}`;
  }

  /** Numbers from 0 to 1 that look drawn by chance and are the same each time. */
  function chance(seed) {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state + 0.5) / 2 ** 32;
    };
  }

  function begin(figure) {
    const knobs = element("div", { class: "knobs" });
    const stage = element("div", { class: "stage" });
    const said = element("p", { class: "said", role: "status" });
    const start = () => starts[figure.dataset.moving]({ knobs, stage, said });
    const reset = button("Reset", () => {
      knobs.replaceChildren();
      stage.replaceChildren();
      start();
    });
    reset.className = "reset";
    start();
    figure.querySelector(".drawing").replaceChildren(element("div", { class: "moving" }, element("div", { class: "board" }, knobs, stage, said, reset)));
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("figure[data-moving]").forEach(begin);
  });

  return {
    add(name, start) { starts[name] = start; },
    element, shape, text, drawing, plot, whole, slider, field, choice, button, fixed, term, plain, counted, chance,
  };
})();
