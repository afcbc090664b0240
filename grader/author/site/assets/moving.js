/**
 * Pictures that move: what their scripts share.
 *
 * A script calls `Moving.add("masks", start)`. For each figure with `data-moving="masks"`, `start(box, figure)` fills an
 * empty element, which then stands in the place of the still picture. If it throws, the still picture stays.
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

  /** A drawing of so many units, with a name for those who do not see it. */
  function drawing(width, height, label) {
    return shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
  }

  /** A slider with its name and its value in words; `changed` gets the number. */
  function slider({ label, min, max, step = 1, value, words = String }, changed) {
    const input = element("input", { type: "range", min, max, step, value });
    const shown = element("span", { class: "value", "aria-hidden": "true" }, words(value)); // an <output> would take the label
    input.setAttribute("aria-valuetext", words(value));
    input.addEventListener("input", () => {
      const number = Number(input.value);
      shown.textContent = words(number);
      input.setAttribute("aria-valuetext", words(number));
      changed(number);
    });
    return element("label", { class: "slider" }, element("span", {}, label), shown, input);
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

  /** A row of controls. */
  function controls(...children) {
    return element("div", { class: "controls" }, ...children);
  }

  /** A line that is read aloud when it changes. */
  function said() {
    return element("p", { class: "said", role: "status" });
  }

  /** A number with so many digits, and a true minus sign. */
  function fixed(number, digits) {
    return number.toFixed(digits).replace("-", "−");
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
    const box = element("div", { class: "moving" });
    starts[figure.dataset.moving](box, figure);
    figure.querySelector(".drawing").replaceChildren(box);
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("figure[data-moving]").forEach(begin);
  });

  return {
    add(name, start) { starts[name] = start; },
    element, shape, drawing, slider, choice, button, controls, said, fixed, chance,
  };
})();
