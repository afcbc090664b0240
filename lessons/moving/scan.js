/**
 * scan: which steps each entry of a parallel scan holds after each round of doubling.
 *
 * What to find out: an entry holds twice as many steps after each round, so T states take log₂ T rounds. The steps are
 * h ← h/2 + reading, with the harbour's readings 8, 6, 4, 2, and then those of a tide that comes and goes.
 */
"use strict";

Moving.add("scan", ({ knobs, stage, said }) => {
  const READINGS = [8, 6, 4, 2, 4, 6, 8, 6, 4, 2, 4, 6, 8, 6, 4, 2];
  const FACTOR = 0.5;
  const [WIDTH, LEFT, HEAD, SIDE] = [340, 26, 42, 250];
  const state = { T: 4, round: 0 };
  const place = Moving.element("div");

  function addition(entry, held) { // of the pair that holds so many steps up to this one
    let sum = 0;
    for (let step = entry - held + 1; step <= entry; step += 1) {
      sum = FACTOR * sum + READINGS[step];
    }
    return sum;
  }

  function update() {
    const { T } = state;
    const round = Math.min(state.round, Math.log2(T)); // all is known then
    const stride = 2 ** (round - 1); // of the round just done
    const cell = SIDE / T;
    const right = LEFT + SIDE;
    const known = Math.min(2 ** round, T);
    const words = `${known} of ${T} states known after ${round} of ${Math.log2(T)} rounds`;
    const svg = Moving.drawing(WIDTH, HEAD + SIDE + 30, words);
    svg.append(
      Moving.text(LEFT, 14, "readings", { name: "quiet" }),
      Moving.text(right + 6, 14, "addition", { name: "quiet" }),
      Moving.shape("rect", { x: LEFT, y: HEAD + SIDE + 12, width: 12, height: 12, rx: 2, class: "one" }),
      Moving.text(LEFT + 18, HEAD + SIDE + 23, "held before"),
      Moving.shape("rect", { x: LEFT + 112, y: HEAD + SIDE + 12, width: 12, height: 12, rx: 2, class: "two" }),
      Moving.text(LEFT + 130, HEAD + SIDE + 23, "taken in by this round"),
    );
    for (let entry = 0; entry < T; entry += 1) {
      const y = HEAD + entry * cell;
      const held = Math.min(2 ** round, entry + 1);
      const own = round === 0 ? 1 : Math.min(stride, entry + 1);
      svg.append(
        Moving.text(LEFT + (entry + 0.5) * cell, HEAD - 8, String(READINGS[entry]), { anchor: "middle" }),
        Moving.text(LEFT - 6, y + cell / 2 + 4.5, String(entry), { anchor: "end", name: "quiet" }),
        Moving.text(right + 6, y + cell / 2 + 4.5, `${Number(addition(entry, held).toFixed(2))}${entry < known ? " ✓" : ""}`, { name: entry < known ? "three" : "quiet" }),
      );
      for (let step = 0; step <= entry; step += 1) {
        const age = entry - step;
        const name = age < own ? "one" : age < held ? "two" : "axis";
        svg.append(Moving.shape("rect", { x: LEFT + step * cell + 1, y: y + 1, width: cell - 2, height: cell - 2, rx: 2, class: name }));
      }
    }
    place.replaceChildren(svg);
    const did = round === 0 ? "Each entry holds its own step."
      : state.round > round ? "Nothing is left to do."
      : `Round ${round}, stride ${stride}: each entry took in the one ${stride === 1 ? "place" : `${stride} places`} before it, `
        + `if there is one: ${T - stride} combinations at the same time.`;
    const rest = known === T ? `All ${T} states are known after ${round} rounds; the loop needs ${T} steps.` : `${known} of ${T} states ${known === 1 ? "is" : "are"} known (✓).`;
    said.textContent = `${did} ${rest}`;
  }

  knobs.append(
    Moving.slider({ label: "rounds", values: Moving.whole(0, 4), value: state.round }, (value) => { state.round = value; update(); }),
    Moving.slider({ label: "steps T", values: [4, 8, 16], value: state.T }, (value) => { state.T = value; update(); }),
  );
  stage.append(place);
  update();
});
