/**
 * roofline: the time of one decoding step against the batch, on a card of the reader's own. To find out: up to which
 * batch a step waits for memory, and that only peak / bandwidth of a card moves this batch.
 *
 * A step reads the weights that its tokens touch and computes with those that each token uses; the longer of the two
 * bounds it. Weights have 16 bits and the cache is left out, as in lesson 4.
 */
"use strict";

Moving.add("roofline", ({ knobs, stage, said }) => {
  const BYTES = 2;
  const EXPERT = 3 * 4096 * 14336;
  const MODELS = { // parameters outside of the routed experts, and the experts
    mixtral: { name: "Mixtral 8x7B", rest: 1605636096, layers: 32, experts: 8, k: 2 },
    mistral: { name: "Mistral 7B", rest: 7241732096, layers: 0, experts: 1, k: 1 },
  };
  const LAST = 12; // the batch goes to 2^12
  const card = { bandwidth: 3.35, peak: 989 }; // TB/s and TFLOP/s of an H100
  const place = Moving.element("div");
  let model = MODELS.mixtral;
  let batch = 8;

  function read(B) {
    const { rest, layers, experts, k } = model;
    const hit = experts * (1 - (1 - k / experts) ** B);
    return (BYTES * (rest + layers * hit * EXPERT)) / (card.bandwidth * 1e9); // milliseconds
  }

  function computed(B) {
    return (2 * B * (model.rest + model.layers * model.k * EXPERT)) / (card.peak * 1e9);
  }

  function crossover() {
    let [low, high] = [0, 1]; // computing wins at high, and not at low
    while (computed(high) <= read(high)) {
      [low, high] = [high, 2 * high];
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      [low, high] = computed(middle) > read(middle) ? [low, middle] : [middle, high];
    }
    return high;
  }

  function time(milliseconds, digits = 3) {
    const [factor, unit] = milliseconds < 0.1 ? [1000, "µs"] : milliseconds < 1000 ? [1, "ms"] : [0.001, "s"];
    return `${Moving.plain(Number((milliseconds * factor).toPrecision(digits)))} ${unit}`;
  }

  function decades() { // of the axis of time: both curves, and half a decade for a name above or below them
    const ends = [1, 2 ** LAST].flatMap((B) => [read(B), computed(B)]);
    return Moving.whole(Math.floor(Math.log10(Math.min(...ends) / 3)), Math.ceil(Math.log10(Math.max(...ends) * 3)));
  }

  function update() {
    const [reading, computing] = [read(batch), computed(batch)];
    const step = Math.max(reading, computing);
    const powers = decades().map((power) => Number(`1e${power}`));
    const ticks = powers.filter((_, i) => powers.length < 8 || i % 2 === 0);
    const { svg, x, y, curve } = Moving.plot(
      `${model.name}: at batch ${Moving.plain(batch)} a step takes ${time(step)}`,
      { low: 1, high: 2 ** LAST, log: true, ticks: [1, 8, 64, 512, 2048], name: "batch" },
      { low: powers[0], high: powers.at(-1), log: true, ticks, words: (tick) => time(tick, 1), name: "time of a step" },
    );
    const batches = Moving.whole(0, 8 * LAST).map((each) => 2 ** (each / 8));
    curve(batches.map((B) => [B, read(B)]), "line-one");
    curve(batches.map((B) => [B, computed(B)]), "line-two");
    const equal = crossover();
    svg.append(
      Moving.shape("path", { d: `M${x(batch)} 26V234`, class: "mark" }),
      Moving.shape("circle", { cx: x(batch), cy: y(step), r: 6, class: reading >= computing ? "one" : "two" }),
      equal > 16 // each name is where its curve has the other one on its far side
        ? Moving.text(x(1.3), y(read(8)) - 10, "reading", { name: "one over" })
        : Moving.text(x(2 ** LAST), y(read(2 ** LAST)) + 18, "reading", { anchor: "end", name: "one over" }),
      equal > 500
        ? Moving.text(x(3), y(computed(3)) + 16, "computing", { name: "two over" })
        : Moving.text(x(1500), y(computed(1500)) - 10, "computing", { anchor: "end", name: "two over" }),
    );
    place.replaceChildren(svg);
    said.textContent = `${model.name}, batch ${Moving.plain(batch)}: reading takes ${time(reading)}, computing ${time(computing)}. `
      + `The step is bound by ${reading >= computing ? "reading" : "computing"} and costs each sequence ${time(step / batch)}. `
      + `Computing takes longer from batch ${Moving.plain(equal)} on.`;
  }

  const names = Object.fromEntries(Object.entries(MODELS).map(([key, each]) => [key, each.name]));
  knobs.append(
    Moving.choice("model", names, "mixtral", (key) => { model = MODELS[key]; update(); }).element,
    Moving.slider({ label: "batch", values: Moving.whole(0, LAST).map((power) => 2 ** power), value: batch }, (value) => { batch = value; update(); }),
    Moving.field({ label: "your card: TB/s", value: card.bandwidth, low: 0.01, high: 100 }, (value) => { card.bandwidth = value; update(); }),
    Moving.field({ label: "and TFLOP/s", value: card.peak, low: 0.1, high: 100000 }, (value) => { card.peak = value; update(); }),
  );
  stage.append(place);
  update();
});
