/**
 * temperature: what the scale makes of the cosines of four pictures and their captions.
 *
 * What to find out: with a small scale even good cosines look alike, with a large one a single wrong row costs all the
 * more, and the best scale lies between, until the row is right. The first two pairs are the boats of part 4.
 */
"use strict";

Moving.add("temperature", ({ knobs, stage, said }) => {
  const NAMES = ["afloat", "sunk", "house", "bridge"];
  const PICTURES = [[1, 0], [0.6, 0.8], [-0.8, -0.6], [0, -1]];
  const CAPTIONS = [[0.8, 0.6], [-0.6, 0.8], [-0.6, -0.8], [0.28, -0.96]];
  const SUNK = 1; // the picture that can be turned
  const SCALES = [1, 2, 3, 5, 7, 10, 14.3, 20, 30, 50, 70, 100];
  const [WIDTH, LEFT, TOP, COLUMN, ROW] = [340, 52, 40, 71, 34];
  const [FLOOR, CEILING, HIGHEST] = [300, 202, 3]; // of the curve of the loss
  const state = { scale: 5, turn: 53 }; // degrees; the sunk boat's (0.6, 0.8) is at 53.13
  const place = Moving.element("div");

  function cosines() {
    const angle = state.turn === 53 ? Math.atan2(0.8, 0.6) : (state.turn * Math.PI) / 180;
    const pictures = PICTURES.map((each, i) => (i === SUNK ? [Math.cos(angle), Math.sin(angle)] : each));
    return pictures.map((u) => CAPTIONS.map((v) => u[0] * v[0] + u[1] * v[1]));
  }

  function softmax(row) {
    const exps = row.map((each) => Math.exp(each - Math.max(...row)));
    const sum = exps.reduce((one, other) => one + other, 0);
    return exps.map((each) => each / sum);
  }

  function crossEntropy(row, own) { // by logarithms, so that a weight that is 0 as a float has a loss, too
    const largest = Math.max(...row);
    return Math.log(row.reduce((sum, each) => sum + Math.exp(each - largest), 0)) + largest - row[own];
  }

  function loss(table, scale) { // the mean of rows and columns
    const z = table.map((row) => row.map((each) => scale * each));
    const columns = z.map((_, j) => z.map((row) => row[j]));
    return [...z, ...columns].reduce((sum, each, i) => sum + crossEntropy(each, i % NAMES.length), 0) / (2 * NAMES.length);
  }

  function x(scale) {
    return LEFT + (Math.log(scale) / Math.log(100)) * (WIDTH - LEFT - 16);
  }

  function y(value) {
    return FLOOR - (Math.min(value, HIGHEST) / HIGHEST) * (FLOOR - CEILING);
  }

  function curve(svg, table) {
    [0, 1, 2, 3].forEach((tick) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(tick)}H${WIDTH - 8}`, class: "axis" }),
      Moving.text(LEFT - 6, y(tick) + 4, tick === HIGHEST ? "loss 3" : String(tick), { anchor: "end", name: "quiet" }),
    ));
    [1, 10, 100].forEach((tick) => svg.append(
      Moving.text(x(tick), FLOOR + 16, tick === 10 ? "scale 10" : String(tick), { anchor: "middle", name: "quiet" }),
    ));
    const points = Array.from({ length: 101 }, (_, i) => 100 ** (i / 100)).filter((scale) => loss(table, scale) <= HIGHEST);
    svg.append(
      Moving.shape("path", { d: `M${points.map((scale) => `${x(scale).toFixed(1)} ${y(loss(table, scale)).toFixed(1)}`).join("L")}`, class: "line-two" }),
      loss(table, state.scale) <= HIGHEST
        ? Moving.shape("circle", { cx: x(state.scale), cy: y(loss(table, state.scale)), r: 6, class: "two" })
        : Moving.shape("path", { d: `M${x(state.scale)} ${CEILING - 9}l7 12h-14z`, class: "two" }), // it is further up
    );
  }

  function update() {
    const table = cosines();
    const rows = table.map((row) => softmax(row.map((each) => state.scale * each)));
    const now = loss(table, state.scale);
    const svg = Moving.drawing(WIDTH, FLOOR + 22, `softmax of four rows at scale ${state.scale}, and the loss over the scale, ${Moving.fixed(now, 2)} here`);
    svg.append(Moving.text(LEFT, 14, "softmax of each picture’s row", { name: "quiet" }));
    rows.forEach((row, i) => {
      svg.append(
        Moving.text(LEFT + (i + 0.5) * COLUMN, TOP - 6, NAMES[i], { anchor: "middle", name: "quiet" }),
        Moving.text(LEFT - 6, TOP + (i + 0.5) * ROW + 5, NAMES[i], { anchor: "end", name: "quiet" }),
      );
      row.forEach((share, j) => svg.append(
        Moving.shape("rect", { x: LEFT + j * COLUMN + 2, y: TOP + i * ROW + 2, width: (COLUMN - 4) * Math.max(share, 0.01), height: ROW - 4, rx: 2, class: i === j ? "one" : "two", opacity: 0.45 }),
        Moving.shape("rect", { x: LEFT + j * COLUMN + 2, y: TOP + i * ROW + 2, width: COLUMN - 4, height: ROW - 4, rx: 2, class: "axis" }),
        Moving.text(LEFT + (j + 0.5) * COLUMN, TOP + (i + 0.5) * ROW + 5, Moving.fixed(share, 2), { anchor: "middle" }),
      ));
    });
    curve(svg, table);
    place.replaceChildren(svg);
    const wrong = NAMES.filter((_, i) => table[i][i] < Math.max(...table[i]));
    const best = SCALES.reduce((one, other) => (loss(table, other) < loss(table, one) ? other : one));
    said.textContent = `Temperature 1 / ${state.scale} = ${Number((1 / state.scale).toPrecision(2))}. The loss is ${Moving.fixed(now, 2)}; knowing nothing costs ln 4 = 1.39. `
      + `${wrong.length === 0 ? "Each picture is nearest to its own caption" : `The picture “${wrong.join("” and “")}” is nearest to another caption`}, `
      + `and of the scales here ${best} has the smallest loss.`;
  }

  knobs.append(
    Moving.slider({ label: "scale", values: SCALES, value: state.scale }, (scale) => { state.scale = scale; update(); }),
    Moving.slider({ label: "sunk boat's vector", values: Moving.whole(2, 14).map((each) => 10 * each + 3), value: state.turn, words: (turn) => `${turn}°` }, (turn) => { state.turn = turn; update(); }),
  );
  stage.append(place);
  update();
});
