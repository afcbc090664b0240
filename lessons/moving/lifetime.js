/**
 * lifetime: what models of one loss cost to train and to serve, over their size. To find out: the more tokens are
 * served, the smaller the cheapest model, and where training gets so long that no service pays for it.
 *
 * All have the loss of 73 billion parameters and 1.34 trillion tokens, by the law of part 8. The bill is
 * 6 · size · tokens + 2 · size · served.
 */
"use strict";

Moving.add("lifetime", ({ knobs, stage, said }) => {
  const LAW = { A: 482.01, B: 2085.43, alpha: 0.3478, beta: 0.3658 };
  const PRICE = LAW.A / 73e9 ** LAW.alpha + LAW.B / 1.34e12 ** LAW.beta; // the target above the irreducible loss
  const TRILLIONS = [0, 1, 2, 5, 10, 20, 50, 100];
  const BILLIONS = [12, 13, 14, 15, 17, 20, 22, 25, 28, 31, 34, 35, 38, 42, 46, 50, 55, 60, 66, 73, 80, 90, 100, 120, 150];
  const state = { served: 10, size: 50 };
  const place = Moving.element("div");

  function tokens(size) { // trillions
    return (LAW.B / (PRICE - LAW.A / (size * 1e9) ** LAW.alpha)) ** (1 / LAW.beta) / 1e12;
  }

  function words(number) {
    return Number(number.toPrecision(3)).toLocaleString("en");
  }

  function training(size) { // in 10^24 FLOPs, as billions times trillions are 10^21
    return (6 * size * tokens(size)) / 1000;
  }

  function service(size) {
    return (2 * size * state.served) / 1000;
  }

  function life(size) {
    return training(size) + service(size);
  }

  function cheapest() {
    const sizes = Moving.whole(1100, 15000).map((each) => each / 100);
    return sizes.reduce((one, other) => (life(other) < life(one) ? other : one));
  }

  function update() {
    const { served, size } = state;
    const best = cheapest();
    const { svg, x, y, curve } = Moving.plot(
      `FLOPs over the size; with ${served} trillion tokens served they are lowest at ${Math.round(best)} billion parameters`,
      { low: 10, high: 150, log: true, ticks: [10, 20, 50, 100, 150], name: "billions of parameters" },
      { low: 0.02, high: 200, log: true, ticks: [0.1, 1, 10, 100], name: "10²⁴ FLOPs:" },
      290,
    );
    const sizes = Moving.whole(0, 300).map((each) => 10.8 * (150 / 10.8) ** (each / 300));
    const bills = [[training, "two"], [service, "three"], [life, "one"]].filter(([bill]) => bill(size) > 0); // 0 has no logarithm
    bills.forEach(([bill, name]) => curve(sizes.map((each) => [each, bill(each)]), `line-${name}`));
    svg.append(
      Moving.shape("path", { d: `M${x(best)} ${y(life(best))}V254`, class: "mark" }),
      Moving.shape("circle", { cx: x(size), cy: y(life(size)), r: 6, class: "one" }),
      Moving.text(118, 12, "training", { name: "two" }),
      Moving.text(196, 12, "service", { name: "three" }),
      Moving.text(322, 12, "sum", { anchor: "end", name: "one" }),
    );
    place.replaceChildren(svg);
    const more = Math.round(100 * (life(size) / life(best) - 1));
    said.textContent = `${size} billion parameters need ${words(tokens(size))} trillion tokens for this loss, ${Math.round((1000 * tokens(size)) / size).toLocaleString("en")} for each parameter. `
      + `Training takes ${words(training(size))} · 10²⁴ FLOPs and service ${words(service(size))} · 10²⁴. `
      + `The cheapest size in all is ${Math.round(best)} billion; yours costs ${more === 0 ? "the same" : `${more.toLocaleString("en")} % more`}.`;
  }

  knobs.append(
    Moving.slider({ label: "tokens served", values: TRILLIONS, value: state.served, words: (each) => (each === 0 ? "none" : `${each.toLocaleString("en")} trillion`) }, (value) => { state.served = value; update(); }),
    Moving.slider({ label: "parameters", values: BILLIONS, value: state.size, words: (each) => `${each} billion` }, (value) => { state.size = value; update(); }),
  );
  stage.append(place);
  update();
});
