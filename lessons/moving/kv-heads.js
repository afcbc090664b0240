/**
 * kv-heads: the shape of what one token leaves in a layer, and what fills up, with the sizes of DeepSeek-V3 in lesson 6.
 *
 * What to find out: only MHA's cache grows with the query heads. The others pay in arithmetic: each byte that is read
 * serves more heads, and with latents the card's 295 operations for a byte are nearly used up at 128 heads.
 */
"use strict";

Moving.add("kv-heads", ({ knobs, stage, said }) => {
  const [K, LATENT, POSITION, LAYERS, BYTES] = [128, 512, 64, 61, 2];
  const CARD = 80e9; // bytes
  const POSSIBLE = 295; // operations of the card in the time in which it reads a byte
  const [WIDTH, ROW, CELL, LEFT, BARS] = [340, 32, 10, 12, 126]; // 32 cells in a row, of 128 numbers each
  const KINDS = {
    mha: heads("MHA", (H) => H),
    gqa: heads("GQA", () => 8),
    latent: { name: "MLA", numbers: () => LATENT + POSITION, work: (H) => (H * (2 * LATENT + POSITION)) / (LATENT + POSITION), shape: () => `latents (1, S, ${LATENT}) and turned keys (1, S, ${POSITION})` },
    mqa: heads("MQA", () => 1),
  };
  const state = { kind: "gqa", H: 128, S: 8192 };
  const place = Moving.element("div");

  function heads(name, groups) { // G heads of keys and values for H heads of queries
    return { name, groups, numbers: (H) => 2 * groups(H) * K, work: (H) => H / groups(H), shape: (H) => `keys and values (1, ${groups(H)}, S, ${K}) each` };
  }

  function size(kind) {
    return LAYERS * KINDS[kind].numbers(state.H) * BYTES * state.S;
  }

  function gigabytes(bytes) {
    return `${Moving.plain(bytes < 1e10 ? Number((bytes / 1e9).toPrecision(2)) : Math.round(bytes / 1e9))} GB`;
  }

  function cell(head, top, width, name) {
    return Moving.shape("rect", { x: LEFT + (head % 32) * CELL + 0.5, y: top + Math.floor(head / 32) * CELL + 0.5, width: width * CELL - 1.5, height: CELL - 1.5, rx: 1, class: name });
  }

  function kept(svg) { // to scale: each of the outlines is a key or a value of MHA
    const { H } = state;
    const { groups } = KINDS[state.kind];
    const depth = (H / 32) * CELL;
    const [keys, values] = [36, 36 + depth + 22];
    svg.append(Moving.text(LEFT, 12, "one token in one layer; a cell is 128 numbers", { name: "quiet" }));
    [keys, values].forEach((top) => Moving.whole(0, H - 1).forEach((head) => {
      const filled = groups && head % (H / groups(H)) === 0;
      svg.append(cell(head, top, 1, filled ? (top === keys ? "one" : "two") : "axis"));
    }));
    svg.append(
      Moving.text(LEFT, keys - 5, groups ? `${groups(H)} of ${H} keys` : "a latent and a key for the position, for all heads", { name: groups ? "one" : "three" }),
      Moving.text(LEFT, values - 5, groups ? `${groups(H)} of ${H} values` : "no values", { name: groups ? "two" : "quiet" }),
    );
    if (!groups) {
      svg.append(cell(0, keys, LATENT / K, "three"), cell(LATENT / K, keys, POSITION / K, "one"));
    }
    return values + depth;
  }

  function update() {
    const { H, S, kind } = state;
    const { name, numbers, work, shape } = KINDS[kind];
    const height = 36 + 22 + 2 * (H / 32) * CELL + 44 + 4 * ROW;
    const svg = Moving.drawing(WIDTH, height, `${name} keeps ${numbers(H)} numbers of a token in a layer; ${S} tokens take ${gigabytes(size(kind))}`);
    const top = kept(svg) + 44;
    svg.append(
      Moving.text(LEFT, top - 12, `${LAYERS} layers, on a card of 80 GB`, { name: "quiet" }),
      Moving.text(WIDTH - 2, top - 12, "operations/byte", { anchor: "end", name: "quiet" }),
    );
    Object.entries(KINDS).forEach(([key, each], row) => {
      const y = top + row * ROW;
      const share = Math.min(size(key) / CARD, 1);
      const chosen = key === kind;
      svg.append(
        Moving.text(LEFT, y + 16, each.name, { name: chosen ? "" : "quiet" }),
        Moving.shape("rect", { x: LEFT + 38, y, width: BARS, height: 22, rx: 2, class: size(key) > CARD ? "lost" : "axis" }),
        Moving.shape("rect", { x: LEFT + 38, y, width: Math.max(BARS * share, 1), height: 22, rx: 2, class: chosen ? "one" : "one faint" }),
        Moving.text(LEFT + 38 + BARS + 62, y + 16, gigabytes(size(key)), { anchor: "end", name: chosen ? "" : "quiet" }),
        Moving.text(WIDTH - 2, y + 16, `${Math.round(each.work(H))} ${each.work(H) > POSSIBLE ? ">" : "of"} ${POSSIBLE}`, { anchor: "end", name: chosen ? "" : "quiet" }),
      );
    });
    place.replaceChildren(svg);
    const bytes = numbers(H) * BYTES;
    const fit = Math.floor(CARD / (LAYERS * bytes));
    said.textContent = `${name} keeps ${shape(H)}: ${numbers(H).toLocaleString("en")} numbers or ${bytes.toLocaleString("en")} bytes of a token in a layer, `
      + `${(LAYERS * bytes).toLocaleString("en")} in all ${LAYERS}. ${S.toLocaleString("en")} tokens take ${gigabytes(size(kind))}; ${fit.toLocaleString("en")} would fill the card. `
      + `A step with ${H} heads does ${Moving.counted(Math.round(work(H)), "operation")} on each byte of the cache; `
      + (work(H) > POSSIBLE ? `the card can do only ${POSSIBLE} while it reads the byte, so the step is bound by computing.` : `the card could do ${POSSIBLE} in that time.`);
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  const names = Object.fromEntries(Object.entries(KINDS).map(([key, { name }]) => [key, name]));
  const lengths = Moving.whole(0, 7).map((power) => 1024 * 2 ** power);
  knobs.append(
    Moving.choice("kept by", names, state.kind, (key) => set("kind", key)).element,
    Moving.slider({ label: "query heads H", values: [32, 64, 128, 256], value: state.H }, (H) => set("H", H)),
    Moving.slider({ label: "tokens S", values: lengths, value: state.S, words: (each) => each.toLocaleString("en") }, (S) => set("S", S)),
  );
  stage.append(place);
  update();
});
