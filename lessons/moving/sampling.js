/**
 * sampling: three filters on the next token, in the order of lesson 2: temperature, top-k, top-p.
 *
 * What to find out: each filter sees only what the one before it left, so a lower temperature or a smaller k makes top-p
 * keep fewer tokens; and at a place where much would do, the same k removes good tokens, while top-p keeps them.
 */
"use strict";

Moving.add("sampling", ({ knobs, stage, said }) => {
  const unnamed = Moving.whole(1, 8).map((n) => `token ${n}`);
  const TEXTS = { // the example of the part, and the two places of its second picture; tokens from the most probable on
    painted: { name: "we painted the", words: ["boat", "net", "sail", "mast"], p: [0.5, 0.25, 0.125, 0.125] },
    began: { name: "the boat s-", words: unnamed, p: [6, 1, 1, 1, 0, 0, 0, 0].map(Math.exp) },
    saw: { name: "we saw a", words: unnamed, p: [1.2, 1.1, 1, 1, 0.9, 0.9, 0.8, 0.8].map(Math.exp) },
  };
  const [WIDTH, LEFT, TOP, COLUMN, SIDE] = [340, 56, 44, 71, 288];
  const state = { text: "painted", temperature: 2, k: 2, share: 0.5 };
  const place = Moving.element("div");

  function shares(numbers) { // a removed token has 0
    const sum = numbers.reduce((one, other) => one + other, 0);
    return numbers.map((each) => each / sum);
  }

  function tempered(p, temperature) { // to divide the logits is to take a power of the probabilities
    return shares(p.map((each) => each ** (1 / temperature)));
  }

  function topK(p, k) { // with those that equal the k-th
    return shares(p.map((each) => (each >= p[Math.min(k, p.length) - 1] ? each : 0)));
  }

  function topP(p, share) {
    let before = 0;
    return shares(p.map((each) => {
      const kept = before < share ? each : 0;
      before += each;
      return kept;
    }));
  }

  function count(p) {
    return p.filter((each) => each > 0).length;
  }

  function update() {
    const { words, p } = TEXTS[state.text];
    const model = shares(p);
    const warm = tempered(model, state.temperature);
    const first = topK(warm, state.k);
    const last = topP(first, state.share);
    const columns = [["model", "", model], ["temperature", state.temperature, warm], ["top-k", state.k, first], ["top-p", state.share, last]];
    const row = SIDE / words.length;
    const left = words.filter((_, i) => last[i] > 0).map((word, i) => `${word} ${Moving.fixed(last[i], 3)}`).join(", ");
    const svg = Moving.drawing(WIDTH, TOP + SIDE + 2, `what is left after the filters: ${left}`);
    columns.forEach(([name, value, column], j) => {
      const x = LEFT + j * COLUMN;
      svg.append(
        Moving.text(x + COLUMN / 2, 14, name, { anchor: "middle", name: "quiet" }),
        Moving.text(x + COLUMN / 2, 32, String(value), { anchor: "middle" }),
      );
      column.forEach((each, i) => {
        const [y, height] = [TOP + i * row + 2, row - 4];
        const width = (COLUMN - 4) * Math.max(each, 0.01);
        svg.append(
          ...(each > 0 ? [Moving.shape("rect", { x: x + 2, y, width, height, rx: 2, class: j === 3 ? "one" : "two", opacity: 0.45 })] : []),
          Moving.shape("rect", { x: x + 2, y, width: COLUMN - 4, height, rx: 2, class: "axis" }),
          Moving.text(x + COLUMN / 2, y + height / 2 + 4.5, each > 0 ? Moving.fixed(each, 3) : "−∞", { anchor: "middle", name: each > 0 ? "" : "quiet" }),
        );
      });
    });
    words.forEach((word, i) => svg.append(
      Moving.text(LEFT - 6, TOP + (i + 0.5) * row + 4.5, word, { anchor: "end", name: last[i] > 0 ? "" : "quiet" }),
    ));
    place.replaceChildren(svg);
    const alone = count(topP(warm, state.share));
    const more = alone === count(last) ? "" : ` Without top-k it would leave ${alone}.`;
    said.textContent = `At temperature ${state.temperature} ${words[0]} goes from ${Moving.fixed(model[0], 3)} to ${Moving.fixed(warm[0], 3)}. `
      + `Top-k ${state.k} leaves ${Moving.counted(count(first), "token")} of ${words.length}${count(first) > state.k ? ", as some equal the last of them" : ""}; `
      + `of these top-p ${state.share} leaves ${Moving.counted(count(last), "token")}.${more}`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  const names = Object.fromEntries(Object.entries(TEXTS).map(([key, each]) => [key, each.name]));
  const parts = Moving.whole(1, 20).map((each) => each / 20);
  knobs.append(
    Moving.choice("next token after", names, state.text, (key) => set("text", key)).element,
    Moving.slider({ label: "temperature", values: [0.25, 0.5, 0.7, 1, 1.4, 2, 3, 4], value: state.temperature }, (value) => set("temperature", value)),
    Moving.slider({ label: "top-k", values: Moving.whole(1, 8), value: state.k }, (value) => set("k", value)),
    Moving.slider({ label: "top-p", values: parts, value: state.share }, (value) => set("share", value)),
  );
  stage.append(place);
  update();
});
