/**
 * discretisation: a basin runs out from 8, by h' = A·h, in steps of Δ.
 *
 * What to find out: only the product ΔA decides what a rule does. The factors of a step are e^(ΔA), exact and zero-order
 * hold, (1 + ΔA/2)/(1 − ΔA/2), bilinear, and 1 + ΔA, Euler.
 */
"use strict";

Moving.add("discretisation", ({ knobs, stage, said }) => {
  const [START, END, LIMIT] = [8, 4, 10]; // height, units of time, and the largest height that is drawn
  const [WIDTH, TOP, BOTTOM, LEFT] = [340, 66, 266, 26];
  const RULES = [
    { name: "zero-order hold", formula: "e^(ΔA)", factor: Math.exp, color: "one", mark: (x, y) => Moving.shape("circle", { cx: x, cy: y, r: 4.5 }) },
    { name: "bilinear", formula: "(1+ΔA/2)/(1−ΔA/2)", factor: (z) => (1 + z / 2) / (1 - z / 2), color: "three", mark: (x, y) => Moving.shape("path", { d: `M${x} ${y - 6}l6 10h-12z` }) },
    { name: "Euler", formula: "1 + ΔA", factor: (z) => 1 + z, color: "two", mark: (x, y) => Moving.shape("rect", { x: x - 4, y: y - 4, width: 8, height: 8 }) },
  ];
  const state = { A: -3, step: 0.5 };
  const place = Moving.element("div");

  function x(time) {
    return LEFT + 6 + (time / END) * (WIDTH - LEFT - 14);
  }

  function y(height) {
    return (TOP + BOTTOM) / 2 - (height / LIMIT) * (BOTTOM - TOP) / 2;
  }

  function verdict(factor) {
    if (factor >= 0) {
      return factor === 0 ? "goes to 0" : "falls";
    }
    if (factor >= -1) {
      return factor === -1 ? "swings forever" : "swings";
    }
    return "explodes";
  }

  function line(points, color) {
    return Moving.shape("path", { d: `M${points.map(([time, height]) => `${x(time).toFixed(1)} ${y(height).toFixed(1)}`).join("L")}`, class: `line-${color}` });
  }

  function edge([time, height], [later, next]) { // where a line leaves the drawing
    const share = (Math.sign(next) * LIMIT - height) / (next - height);
    return [time + share * (later - time), Math.sign(next) * LIMIT];
  }

  function axes(svg) {
    [-8, 0, 8].forEach((height) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(height)}H${WIDTH}`, class: "axis" }),
      Moving.text(LEFT - 5, y(height) + 4, Moving.fixed(height, 0), { anchor: "end", name: "quiet" }),
    ));
    [0, 1, 2, 3, 4].forEach((time) => svg.append(
      Moving.text(x(time), BOTTOM + 16, time === END ? `time ${END}` : String(time), { anchor: time === END ? "end" : "middle", name: "quiet" }),
    ));
  }

  function update() {
    const z = Number((state.A * state.step).toFixed(4)); // −2 and not −2.0000000000000004
    const svg = Moving.drawing(WIDTH, BOTTOM + 22, `heights of a basin with A ${state.A}, in steps of ${state.step}, by three rules`);
    axes(svg);
    svg.append(line(Moving.whole(0, 200).map((i) => [(i / 200) * END, START * Math.exp(state.A * (i / 200) * END)]), "one"));
    [...RULES].reverse().forEach(({ factor, color, mark }) => {
      const points = [];
      for (let n = 0; n * state.step <= END + 1e-9; n += 1) {
        points.push([n * state.step, START * factor(z) ** n]);
      }
      const outside = points.findIndex(([, height]) => Math.abs(height) > LIMIT);
      const inside = outside < 0 ? points : points.slice(0, outside);
      const leaving = outside < 0 ? [] : [edge(points[outside - 1], points[outside])];
      svg.append(...(color === "one" ? [] : [line([...inside, ...leaving], color)]));
      svg.append(...inside.map(([time, height]) => Moving.shape("g", { class: color }, mark(x(time), y(height)))));
    });
    RULES.forEach(({ name, formula, factor, color, mark }, row) => svg.append(
      Moving.shape("g", { class: color }, mark(10, 10 + 19 * row)),
      Moving.text(22, 15 + 19 * row, `${name}: ${formula} = ${Moving.fixed(factor(z), 2)}, ${verdict(factor(z))}`),
    ));
    place.replaceChildren(svg);
    const [, bilinear, euler] = RULES.map(({ factor }) => verdict(factor(z)));
    said.textContent = `ΔA = ${Moving.fixed(z, 2)}. Zero-order hold stays on the curve, the bilinear rule ${bilinear}, and Euler's rule ${euler}`
      + `${euler === "explodes" ? `: after one step the water is at ${Moving.fixed(START * (1 + z), 1)}.` : "."}`;
  }

  function slider(name, label, values) {
    const words = (value) => Moving.fixed(value, 1);
    return Moving.slider({ label, values, value: state[name], words }, (value) => { state[name] = value; update(); });
  }

  const tenths = (first, last, step) => Moving.whole(first, last).map((each) => (each * step) / 10);
  knobs.append(slider("step", "length of a step Δ", tenths(1, 20, 1)), slider("A", "rate A", tenths(-30, -5, 2)));
  stage.append(Moving.element("p", { class: "formula-line" }, "h′ = A · h, from h = 8"), place);
  update();
});
