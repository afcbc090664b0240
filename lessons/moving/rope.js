/**
 * rope: the four hands of a head with K = 8, of a query at place m and of a key at n, in the speeds of lesson 2.
 *
 * What to find out: to move both turns every hand and changes no cosine. To move them apart changes the fast hands from
 * one place to the next, until they repeat, and the slow ones only far away. Query and key are (1, 0) in each pair.
 */
"use strict";

Moving.add("rope", ({ knobs, stage, said }) => {
  const K = 8;
  const THETA = Moving.whole(0, K / 2 - 1).map((pair) => 10000 ** ((-2 * pair) / K)); // radians a place
  const PLACES = [...Moving.whole(0, 10), 15, 20, 30, 44, 63, 100, 200, 314, 628, 1000, 2000, 3142, 6283, 10000];
  const LATER = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const [CELL, ROW, RADIUS] = [170, 182, 50];
  const state = { m: 5, n: 3, later: 0 };
  const place = Moving.element("div");

  function turns(hand) {
    return (Math.abs(state.m - state.n) * THETA[hand]) / (2 * Math.PI);
  }

  function cosine(hand) {
    return Math.cos((state.m - state.n) * THETA[hand]);
  }

  function tip([x, y], angle, radius) {
    return [x + radius * Math.cos(angle), y - radius * Math.sin(angle)];
  }

  function line(centre, angle, radius, name) {
    return Moving.shape("path", { d: `M${centre.join(" ")}L${tip(centre, angle, radius).join(" ")}`, class: name });
  }

  function letter(centre, angle, radius, words, name) {
    const [x, y] = tip(centre, angle, radius);
    return Moving.text(x, y + 4, words, { anchor: "middle", name });
  }

  function shortest(from, to) { // the angle between two hands, the shorter way round
    return Math.atan2(Math.sin(to - from), Math.cos(to - from));
  }

  function between(centre, from, to) {
    const turn = shortest(from, to);
    const [start, end] = [tip(centre, from, 16), tip(centre, from + turn, 16)];
    return Moving.shape("path", { d: `M${start.join(" ")}A16 16 0 0 ${turn > 0 ? 0 : 1} ${end.join(" ")}`, class: "line-three" });
  }

  function clock(svg, hand) {
    const [left, top] = [(hand % 2) * CELL, Math.floor(hand / 2) * ROW];
    const centre = [left + CELL / 2, top + 86];
    const [query, key] = [state.m, state.n].map((each) => (each + state.later) * THETA[hand]);
    const aside = Math.abs(shortest(key, query)) < 0.5 ? -0.32 * (Math.sign(shortest(key, query)) || 1) : 0; // of m and its hand
    svg.append(
      Moving.text(centre[0], top + 16, `hand ${hand + 1}, θ = ${Number(THETA[hand].toPrecision(1))}`, { anchor: "middle", name: "quiet" }),
      Moving.shape("circle", { cx: centre[0], cy: centre[1], r: RADIUS, class: "edge" }),
      between(centre, key, query),
      line(centre, key, 0.62 * RADIUS, "line-two"),
      line(centre, query, RADIUS, "line-one"),
      letter(centre, key + aside, 0.62 * RADIUS + 9, "n", "two"),
      letter(centre, query, RADIUS + 10, "m", "one"),
      Moving.text(centre[0], top + 168, `cosine ${Moving.fixed(cosine(hand), 2)}, ${around(turns(hand))} turns`, { anchor: "middle" }),
    );
  }

  function around(number) {
    return Moving.fixed(number, number < 0.1 ? 3 : number < 9.95 ? 2 : 0);
  }

  function names(hands) {
    return `${hands.length === 1 ? "hand" : "hands"} ${hands.map((hand) => hand + 1).join(", ").replace(/, (\d)$/, " and $1")}`;
  }

  function verdict() { // what each hand knows of this distance
    const hands = THETA.map((_, hand) => hand);
    const groups = [
      ["beyond the first turn, where a nearer key looks the same", hands.filter((hand) => turns(hand) >= 1)],
      ["within the first turn", hands.filter((hand) => turns(hand) >= 0.02 && turns(hand) < 1)],
      ["hardly apart", hands.filter((hand) => turns(hand) < 0.02)],
    ];
    const words = groups.filter(([, some]) => some.length > 0).map(([where, some]) => `${names(some)} ${some.length === 1 ? "is" : "are"} ${where}`);
    return `${words.join("; ")}.`.replace(/^h/, "H");
  }

  function update() {
    const [m, n] = [state.m + state.later, state.n + state.later];
    const sum = THETA.reduce((total, _, hand) => total + cosine(hand), 0);
    const score = `score ${Moving.fixed(sum, 2)}`;
    const svg = Moving.drawing(2 * CELL, 2 * ROW, `four hands of a query at ${m} and of a key at ${n}; ${score}`);
    THETA.forEach((_, hand) => clock(svg, hand));
    place.replaceChildren(svg);
    said.textContent = `Query at m = ${Moving.plain(m)}, key at n = ${Moving.plain(n)}, m − n = ${Moving.plain(m - n).replace("-", "−")}: the four cosines add up to the ${score}. ${verdict()}`;
  }

  function position(label, name, values) {
    return Moving.slider({ label, values, value: state[name] }, (value) => { state[name] = value; update(); });
  }

  knobs.append(position("query at m", "m", PLACES), position("key at n", "n", PLACES), position("both later by", "later", LATER));
  stage.append(place);
  update();
});
