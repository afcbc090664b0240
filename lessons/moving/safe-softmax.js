/**
 * safe-softmax: what is subtracted before the exponential, and which weights are numbers.
 *
 * What to find out: in float32, e^s is infinite from about 89 on and 0 from about −104 down. Only the largest score of
 * each row brings every row between the two. Rows are (s, s + ahead) and, as in part 3, (0, 1).
 */
"use strict";

Moving.add("safe-softmax", ({ knobs, stage, said }) => {
  const SECOND = [0, 1];
  const [ZERO, INFINITE] = [-104, 88.7]; // where float32 ends
  const WAYS = {
    "nothing": () => 0,
    "largest of the table": (row, table) => Math.max(...table.flat()),
    "largest of the row": (row) => Math.max(...row),
  };
  const [WIDTH, LANE, TOP, LOW, HIGH] = [340, 72, 26, -160, 160];
  const state = { s: 90, ahead: 1 };
  const place = Moving.element("div");

  function weights(row, subtracted) {
    const exps = row.map((each) => Math.fround(Math.exp(each - subtracted)));
    const sum = Math.fround(exps.reduce((one, other) => one + other, 0));
    return exps.map((each) => each / sum); // ∞/∞ and 0/0 are NaN
  }

  function words(row) {
    return row.some(Number.isNaN) ? "nan, nan" : row.map((each) => Moving.fixed(each, 2)).join(", ");
  }

  function x(score) {
    return ((Math.min(Math.max(score, LOW), HIGH) - LOW) / (HIGH - LOW)) * WIDTH;
  }

  function update() {
    const table = [[state.s, state.s + state.ahead], SECOND];
    const svg = Moving.drawing(WIDTH, TOP + 3 * LANE + 18, `two rows of scores on the line of numbers, after three ways to subtract, the first row from ${state.s} on`);
    svg.append(
      Moving.shape("rect", { x: 0, y: TOP, width: x(ZERO), height: 3 * LANE, class: "quiet", opacity: 0.18 }),
      Moving.shape("rect", { x: x(INFINITE), y: TOP, width: WIDTH - x(INFINITE), height: 3 * LANE, class: "quiet", opacity: 0.18 }),
      Moving.text(2, 16, "eˢ = 0", { name: "quiet" }),
      Moving.text(WIDTH / 2, 16, "eˢ is a number", { anchor: "middle", name: "quiet" }),
      Moving.text(WIDTH - 2, 16, "eˢ = ∞", { anchor: "end", name: "quiet" }),
    );
    const results = [];
    Object.entries(WAYS).forEach(([name, largest], lane) => {
      const y = TOP + lane * LANE;
      const found = table.map((row) => words(weights(row, largest(row, table))));
      results.push({ name, found: found.join("; ") });
      svg.append(
        Moving.text(4, y + 18, name),
        Moving.text(150, y + 18, found[0], { name: "one" }),
        Moving.text(248, y + 18, found[1], { name: "two" }),
        Moving.shape("path", { d: `M0 ${y + 46}H${WIDTH}`, stroke: "currentColor" }),
        ...table.flatMap((row, i) => row.map((each) => Moving.shape("circle", { cx: x(each - largest(row, table)), cy: y + (i === 0 ? 39 : 53), r: 5, class: i === 0 ? "one" : "two" }))),
      );
    });
    [-100, -50, 0, 50, 100].forEach((tick) => svg.append(
      Moving.text(x(tick), TOP + 3 * LANE + 15, Moving.fixed(tick, 0), { anchor: "middle", name: "quiet" }),
    ));
    place.replaceChildren(svg);
    const [first, second] = table.map((row) => row.map((each) => Moving.fixed(each, 0)).join(", "));
    const broken = results.filter(({ found }) => found.includes("nan")).map(({ name }) => `“${name}”`);
    const same = results.every(({ found }) => found === results[0].found);
    const verdict = same ? "All three ways give the same weights." : "All three give numbers, but near 0 an exponential has few digits.";
    said.textContent = `Row 0, above each line, is (${first}); row 1, below it, is (${second}). `
      + `${broken.length === 0 ? verdict : `With ${broken.join(" and ")} subtracted, ∞ / ∞ or 0 / 0 gives nan.`}`;
  }

  function slider(name, label, values) {
    const words = (value) => Moving.fixed(value, 0);
    return Moving.slider({ label, values, value: state[name], words }, (value) => { state[name] = value; update(); });
  }

  knobs.append(slider("s", "first score of row 0", Moving.whole(-150, 150)), slider("ahead", "second score ahead by", Moving.whole(0, 10)));
  stage.append(place);
  update();
});
