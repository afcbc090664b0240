/**
 * distinct-experts: which of a layer's experts a step of B tokens reads. To find out: with few large experts a handful
 * of tokens reads all of them, with hundreds of small ones it takes hundreds of tokens.
 *
 * The curve is hit(B) = E · (1 − (1 − k/E)^B) of part 6. The cells are one draw, to which each further token adds its k.
 */
"use strict";

Moving.add("distinct-experts", ({ knobs, stage, said }) => {
  const MODELS = {
    toy: { name: "the toy", E: 4, k: 2, label: ["toy", 82, "end"] },
    mixtral: { name: "Mixtral 8x7B", E: 8, k: 2, label: ["Mixtral", 32, "start"] },
    qwen: { name: "Qwen3-30B-A3B", E: 128, k: 8, label: ["Qwen3", 65, "end"] },
    deepseek: { name: "DeepSeek-V3", E: 256, k: 8, label: ["DeepSeek", 50, "start"] },
  }; // labels: a short name, and where it has room between the curves: beside which per cent, on which side
  const BATCHES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
  const [LEFT, SIDE, TOP] = [6, 328, 20]; // of the cells
  const state = { model: MODELS.mixtral, B: 8 };
  const place = Moving.element("div");

  function share({ E, k }, B) {
    return 1 - (1 - k / E) ** B;
  }

  function tokensFor({ E, k }, percent) { // that hit so many of the experts
    return Math.log(1 - percent / 100) / Math.log(1 - k / E);
  }

  function enough({ E, k }) { // tokens that leave less than half an expert alone
    return Math.floor(Math.log(0.5 / E) / Math.log(1 - k / E)) + 1;
  }

  function draw({ E, k }, B) { // which experts are hit by random tokens
    const drawn = Moving.chance(5);
    const experts = Moving.whole(0, E - 1);
    const hit = new Set();
    for (let token = 0; token < B; token += 1) {
      for (let place = 0; place < k; place += 1) { // the k first of a shuffle are different
        const other = place + Math.floor(drawn() * (E - place));
        [experts[place], experts[other]] = [experts[other], experts[place]];
        hit.add(experts[place]);
      }
    }
    return hit;
  }

  function cells({ E }, hit) {
    const columns = Math.min(E, 32);
    const step = Math.min(SIDE / columns, 60);
    const svg = Moving.drawing(340, 108, `${hit.size} of ${E} experts are hit in a draw`);
    svg.append(Moving.text(2, 12, `one draw: ${hit.size} of ${E} experts`, { name: "quiet" }));
    Moving.whole(0, E - 1).forEach((e) => svg.append(Moving.shape("rect", {
      x: LEFT + (e % columns) * step, y: TOP + Math.floor(e / columns) * step,
      width: step - 1.5, height: step - 1.5, rx: 2, class: hit.has(e) ? "one" : "axis",
    })));
    return svg;
  }

  function update() {
    const { model, B } = state;
    const { E, k } = model;
    const expected = E * share(model, B);
    const { svg, x, y, curve } = Moving.plot(
      `share of the experts that is hit, over the tokens; at ${B} it is ${Math.round(100 * share(model, B))} per cent`,
      { low: 1, high: 512, log: true, ticks: [1, 4, 16, 64, 256], name: "tokens B" },
      { low: 0, high: 100, ticks: [0, 25, 50, 75, 100], name: "per cent of the experts are hit" },
      230,
    );
    const tokens = Moving.whole(0, 90).map((each) => 2 ** (each / 10));
    const models = Object.values(MODELS);
    models.forEach((each) => curve(tokens.map((n) => [n, 100 * share(each, n)]), each === model ? "line-one" : "line-two pale"));
    svg.append(
      Moving.shape("path", { d: `M${x(enough(model))} 26V194`, class: "mark" }),
      ...models.map((each) => {
        const [words, percent, anchor] = each.label;
        const aside = anchor === "end" ? -5 : 6;
        return Moving.text(x(tokensFor(each, percent)) + aside, y(percent) + 4.5, words, { anchor, name: each === model ? "one over" : "quiet over" });
      }),
      Moving.shape("circle", { cx: x(B), cy: y(100 * share(model, B)), r: 6, class: "one" }),
    );
    const hit = draw(model, B);
    place.replaceChildren(svg, cells(model, hit));
    said.textContent = `${B === 1 ? `1 token of ${model.name} chooses ${k} of ${E} experts` : `${B} tokens of ${model.name} choose ${k} of ${E} experts each`}. By the formula ${Moving.fixed(expected, expected < 10 ? 2 : 0)} experts are hit on average, `
      + `${Moving.counted(Number(((B * k) / expected).toFixed(1)), "token")} for each of them. From ${Moving.counted(enough(model), "token")} on (dashed) less than half an expert is left alone on average.`;
  }

  const names = Object.fromEntries(Object.entries(MODELS).map(([key, each]) => [key, each.name]));
  knobs.append(
    Moving.choice("model", names, "mixtral", (key) => { state.model = MODELS[key]; update(); }).element,
    Moving.slider({ label: "tokens B", values: BATCHES, value: state.B }, (value) => { state.B = value; update(); }),
  );
  stage.append(place);
  update();
});
