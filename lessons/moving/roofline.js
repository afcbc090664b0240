/**
 * roofline: the time of one decode step against the batch.
 *
 * A step reads the weights that its tokens touch and computes with those that each token uses; the longer of the two
 * bounds it. Sizes are those of lesson 4: 16-bit weights, 3.35 TB/s and 989 TFLOP/s, the cache left out.
 */
"use strict";

Moving.add("roofline", (box) => {
  const BANDWIDTH = 3.35e12;
  const PEAK = 989e12;
  const BYTES = 2;
  const EXPERT = 3 * 4096 * 14336;
  const MODELS = { // parameters outside of the routed experts, and the experts
    mixtral: { name: "Mixtral 8x7B", rest: 1605636096, layers: 32, experts: 8, k: 2 },
    mistral: { name: "Mistral 7B", rest: 7241732096, layers: 0, experts: 1, k: 1 },
  };
  const LAST = 12; // the batch goes to 2^12
  const [WIDTH, HEIGHT, LEFT, BOTTOM] = [340, 240, 46, 34];
  const RIGHT = 24;
  const [LOW, HIGH] = [0.01, 200]; // milliseconds
  const said = Moving.said();
  const place = Moving.element("div");
  let model = MODELS.mixtral;
  let power = 3;

  function read(batch) {
    const { rest, layers, experts, k } = model;
    const hit = experts * (1 - (1 - k / experts) ** batch);
    return (1000 * BYTES * (rest + layers * hit * EXPERT)) / BANDWIDTH;
  }

  function computed(batch) {
    return (1000 * 2 * batch * (model.rest + model.layers * model.k * EXPERT)) / PEAK;
  }

  function crossover() {
    let batch = 1;
    while (computed(batch) <= read(batch)) {
      batch += 1;
    }
    return batch;
  }

  function x(exponent) {
    return LEFT + (exponent / LAST) * (WIDTH - LEFT - RIGHT);
  }

  function y(milliseconds) {
    const share = Math.log(milliseconds / LOW) / Math.log(HIGH / LOW);
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - 12);
  }

  function curve(time, name) {
    const points = Array.from({ length: 4 * LAST + 1 }, (_, i) => `${x(i / 4).toFixed(1)} ${y(time(2 ** (i / 4))).toFixed(1)}`);
    return Moving.shape("path", { d: `M${points.join("L")}`, class: name });
  }

  function axes(svg) {
    [0.01, 0.1, 1, 10, 100].forEach((tick) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(tick)}H${WIDTH - RIGHT}`, class: "axis" }),
      Moving.shape("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end", class: "quiet" }, String(tick)),
    ));
    [0, 3, 6, 9, 12].forEach((exponent) => svg.append(
      Moving.shape("text", { x: x(exponent), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle", class: "quiet" }, String(2 ** exponent)),
    ));
    svg.append(
      Moving.shape("text", { x: WIDTH - 10, y: HEIGHT - 3, "text-anchor": "end", class: "quiet" }, "batch"),
      Moving.shape("text", { x: 2, y: HEIGHT - 3, class: "quiet" }, "milliseconds of a step"),
    );
  }

  function update() {
    const batch = 2 ** power;
    const [reading, computing] = [read(batch), computed(batch)];
    const step = Math.max(reading, computing);
    const svg = Moving.drawing(WIDTH, HEIGHT, `${model.name}: at batch ${batch} a step takes ${Moving.fixed(step, 2)} milliseconds`);
    axes(svg);
    svg.append(
      curve(read, "line-one"), curve(computed, "line-two"),
      Moving.shape("path", { d: `M${x(power)} 8V${HEIGHT - BOTTOM}`, class: "axis" }),
      Moving.shape("circle", { cx: x(power), cy: y(step), r: 6, class: reading >= computing ? "one" : "two" }),
      Moving.shape("text", { x: x(5), y: y(read(2 ** 5)) - 9, class: "one" }, "reading"),
      Moving.shape("text", { x: x(5), y: y(computed(2 ** 5)) + 22, class: "two" }, "computing"),
    );
    place.replaceChildren(svg);
    said.textContent = `${model.name}, batch ${batch}: reading takes ${Moving.fixed(reading, 2)} ms, computing ${Moving.fixed(computing, 2)} ms. `
      + `The step is bound by ${reading >= computing ? "reading" : "computing"} and costs each sequence ${Moving.fixed(step / batch, 3)} ms. `
      + `Computing takes longer from batch ${crossover()} on.`;
  }

  const names = Object.fromEntries(Object.entries(MODELS).map(([key, each]) => [key, each.name]));
  box.append(
    Moving.controls(
      Moving.choice("model", names, "mixtral", (key) => { model = MODELS[key]; update(); }).element,
      Moving.slider({ label: "batch", min: 0, max: LAST, value: power, words: (each) => String(2 ** each) }, (each) => { power = each; update(); }),
    ),
    place,
    said,
  );
  update();
});
