/**
 * guidance: two answers about the noise, the line through them, and what is drawn when one walks along it.
 *
 * What to find out: where the label changes nothing, far to the right, no scale does; elsewhere a larger scale pushes
 * to the right, so that the drawings move beyond the data and become alike. The two bumps and DDIM are those of part 15.
 */
"use strict";

Moving.add("guidance", ({ knobs, stage, said }) => {
  const MEANS = [2, -2]; // right, which is asked for, and left
  const VARIANCE = 0.25;
  const A = 0.64; // what is left of the picture, in the upper plot
  const [WIDTH, LEFT, LOW, HIGH] = [340, 30, -4, 5];
  const UPPER = { top: 24, bottom: 150, low: -8, high: 4 };
  const LOWER = { top: 196, bottom: 300, low: 0, high: 1.8 };
  const BARS = [];
  for (let t = 0, product = 1; t < 1000; t += 1) {
    product *= 1 - (1e-4 + ((0.02 - 1e-4) * t) / 999);
    BARS.push(product);
  }
  const PLACES = [...BARS.filter((_, t) => t % 5 === 4).reverse(), 1];
  const STARTS = Array.from({ length: 301 }, (_, i) => -5 + i / 30); // weighed by the normal density
  const WEIGHTS = STARTS.map((z) => Math.exp(-z * z / 2));
  const TOTAL = WEIGHTS.reduce((one, other) => one + other, 0);
  const state = { scale: 2, x: 0 };
  const place = Moving.element("div");

  function answers(x, a) {
    const spread = a * VARIANCE + 1 - a;
    const [right, left] = MEANS.map((mean) => x - Math.sqrt(a) * mean);
    const share = 1 / (1 + Math.exp((right ** 2 - left ** 2) / (2 * spread))); // softmax of two: is it the right bump?
    const of = (far) => (Math.sqrt(1 - a) * far) / spread;
    const without = share * of(right) + (1 - share) * of(left);
    return { with: of(right), without, guided: without + state.scale * (of(right) - without) };
  }

  function drawn(start) {
    return PLACES.slice(1).reduce((x, after, i) => {
      const { guided } = answers(x, PLACES[i]);
      return (Math.sqrt(after) * (x - Math.sqrt(1 - PLACES[i]) * guided)) / Math.sqrt(PLACES[i]) + Math.sqrt(1 - after) * guided;
    }, start);
  }

  function mean(values) {
    return values.reduce((sum, each, i) => sum + WEIGHTS[i] * each, 0) / TOTAL;
  }

  function x(value) {
    return LEFT + ((value - LOW) / (HIGH - LOW)) * (WIDTH - LEFT - 10);
  }

  function y(plot, value) {
    return plot.bottom - ((Math.min(Math.max(value, plot.low), plot.high) - plot.low) / (plot.high - plot.low)) * (plot.bottom - plot.top);
  }

  function line(plot, of, name, attributes = {}) { // as far as it stays inside
    const points = Array.from({ length: 181 }, (_, i) => LOW + i / 20).filter((each) => of(each) >= plot.low && of(each) <= plot.high);
    return Moving.shape("path", { d: `M${points.map((each) => `${x(each).toFixed(1)} ${y(plot, of(each)).toFixed(1)}`).join("L")}`, class: name, ...attributes });
  }

  function dot(value, color) { // of the upper plot; an arrow tells of one that is further up or down
    const [across, up] = [x(state.x), y(UPPER, value)];
    const arrow = { d: `M${across} ${up}${value > UPPER.high ? "l6 10h-12z" : "l6 -10h-12z"}`, class: color };
    return value >= UPPER.low && value <= UPPER.high ? Moving.shape("circle", { cx: across, cy: up, r: 5, class: color }) : Moving.shape("path", arrow);
  }

  function axes(svg, plot, ticks) {
    ticks.forEach((tick) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(plot, tick)}H${WIDTH - 10}`, class: "axis" }),
      Moving.text(LEFT - 5, y(plot, tick) + 4, Moving.fixed(tick, 0), { anchor: "end", name: "quiet" }),
    ));
    [-4, -2, 0, 2, 4].forEach((tick) => svg.append(
      Moving.text(x(tick), plot.bottom + 16, Moving.fixed(tick, 0), { anchor: "middle", name: "quiet" }),
    ));
  }

  function normal(value, center, deviation) {
    return Math.exp(-(((value - center) / deviation) ** 2) / 2) / (deviation * Math.sqrt(2 * Math.PI));
  }

  function update() {
    const drawings = STARTS.map(drawn);
    const center = mean(drawings);
    const variance = mean(drawings.map((each) => (each - center) ** 2));
    const here = answers(state.x, A);
    const svg = Moving.drawing(WIDTH, LOWER.bottom + 22, `answers about the noise, and what is drawn with scale ${state.scale}`);
    axes(svg, UPPER, [-8, -4, 0, 4]);
    axes(svg, LOWER, [0, 1]);
    const dots = [["without", "two"], ["with", "three"], ["guided", "one"]];
    dots.forEach(([name, color], i) => svg.append(
      line(UPPER, (each) => answers(each, A)[name], `line-${color}`),
      Moving.text(LEFT + [92, 164, 212][i], 14, ["no label", "label", "guided"][i], { name: color }),
    ));
    svg.append(
      Moving.shape("path", { d: `M${x(state.x)} ${y(UPPER, here.without)}V${y(UPPER, here.guided)}`, class: "line-one", "stroke-dasharray": "3 3" }),
      ...dots.map(([name, color]) => dot(here[name], color)),
      Moving.text(LEFT, 14, "noise, for x:", { name: "quiet" }),
      line(LOWER, (each) => normal(each, MEANS[0], Math.sqrt(VARIANCE)), "line-three", { "stroke-dasharray": "5 4" }),
      line(LOWER, (each) => mean(drawings.map((one) => normal(each, one, 0.1))), "line-one"), // each is spread a little
      Moving.text(LEFT, LOWER.top - 8, "drawings", { name: "one" }),
      Moving.text(LEFT + 66, LOWER.top - 8, "data “to the right” (dashed)", { name: "three" }),
    );
    place.replaceChildren(svg);
    const step = here.with - here.without;
    said.textContent = `At x = ${Moving.fixed(state.x, 1)}, with ᾱ = ${A}: ${Moving.fixed(here.without, 2)} + ${state.scale} · ${Moving.term(step, 2)} = ${Moving.fixed(here.guided, 2)}. `
      + `Drawings with scale ${state.scale}: mean ${Moving.fixed(center, 2)}, variance ${Moving.fixed(variance, 2)}; the data have 2 and 0.25.`;
  }

  function slider(name, values, words) {
    return Moving.slider({ label: name, values, value: state[name], words }, (value) => { state[name] = value; update(); });
  }

  knobs.append(
    slider("scale", Moving.whole(0, 16).map((each) => each / 2), String),
    slider("x", Moving.whole(-30, 40).map((each) => each / 10), (value) => Moving.fixed(value, 1)),
  );
  stage.append(Moving.element("p", { class: "formula-line" }, "guided = without + scale · (with − without)"), place);
  update();
});
