/**
 * dense-sparse: a step of the bank's dense and of its sparse model, over the users. To find out: the sparse one wins
 * for a few users and for very many, the dense one between, and long texts in the caches can turn this round.
 *
 * A step reads the weights that its users touch and their caches, and computes with the active weights; the longer of
 * the two bounds it. Sizes, caches and the eight cards are those of part 9.
 */
"use strict";

Moving.add("dense-sparse", ({ knobs, stage, said }) => {
  const [BANDWIDTH, PEAK, MEMORY, LAST] = [26800, 7.9e6, 640, 2048]; // GB/s, GFLOP/s, GB, users
  const DENSE = { total: 14.8, active: 14.8, share: 1, kib: 160 }; // billions of weights; cache of a token
  const SPARSE = { total: 30.5, active: 3.35, share: 8 / 128, kib: 96 };
  const USERS = [1, 2, 4, 8, 10, 16, 32, 64, 128, 256, 500, 608, 800, 1024, 2048];
  const state = { users: 500, tokens: 0 };
  const place = Moving.element("div");

  function caches({ kib }, users) { // GB
    return (users * state.tokens * kib * 1024) / 1e9;
  }

  function fits(model, users) {
    return 2 * model.total + caches(model, users) <= MEMORY;
  }

  function step(model, users) { // milliseconds
    const { total, active, share } = model;
    const experts = share === 1 ? 0 : (total - active) / (1 - share);
    const touched = total - experts * (1 - share) ** users;
    return 1000 * Math.max((2 * touched + caches(model, users)) / BANDWIDTH, (2 * active * users) / PEAK);
  }

  function winner(users) {
    const [dense, sparse] = [DENSE, SPARSE].map((model) => (fits(model, users) ? step(model, users) : Infinity));
    return dense < sparse ? "dense" : "sparse";
  }

  function range() { // of the users for whom the dense model is faster
    const won = Moving.whole(1, LAST).filter((users) => winner(users) === "dense");
    return won.length ? `The dense one is faster from ${won[0]} to ${won.at(-1).toLocaleString("en")} users.` : "The dense one is faster for no number of users.";
  }

  function words(model, name) {
    return fits(model, state.users) ? `the ${name} model takes ${step(model, state.users).toPrecision(2)} ms` : `the ${name} model does not fit into ${MEMORY} GB with its caches`;
  }

  function update() {
    const { svg, x, y, curve } = Moving.plot(
      `time of a step with ${Moving.counted(state.users, "user")}: ${words(DENSE, "dense")}, ${words(SPARSE, "sparse")}`,
      { low: 1, high: LAST, log: true, ticks: [1, 8, 64, 512], name: "users" },
      { low: 0.2, high: 30, log: true, ticks: [0.2, 0.5, 1, 2, 5, 10, 20], name: "ms of a step:" },
    );
    const users = [...Moving.whole(1, 40), ...Moving.whole(4, 200).map((each) => Math.round(40 * (LAST / 40) ** (each / 200)))];
    [[DENSE, "two"], [SPARSE, "one"]].forEach(([model, name]) => {
      curve(users.filter((each) => fits(model, each)).map((each) => [each, step(model, each)]), `line-${name}`);
      if (fits(model, state.users)) {
        svg.append(Moving.shape("circle", { cx: x(state.users), cy: y(step(model, state.users)), r: 6, class: name }));
      }
    });
    svg.append(
      Moving.shape("path", { d: `M${x(state.users)} 26V234`, class: "mark" }),
      Moving.text(122, 12, "dense, 14.8 billion", { name: "two" }),
      Moving.text(338, 12, "sparse, 30.5", { anchor: "end", name: "one" }),
    );
    place.replaceChildren(svg);
    said.textContent = `${Moving.counted(state.users, "user")}, ${state.tokens.toLocaleString("en")} tokens in the cache of each: ${words(DENSE, "dense")}, ${words(SPARSE, "sparse")}. ${range()}`;
  }

  knobs.append(
    Moving.slider({ label: "users", values: USERS, value: state.users, words: (users) => users.toLocaleString("en") }, (value) => { state.users = value; update(); }),
    Moving.slider({ label: "tokens in each cache", values: [0, 50, 100, 250, 500, 1000, 2000, 4000, 8000], value: state.tokens, words: (tokens) => tokens.toLocaleString("en") }, (value) => { state.tokens = value; update(); }),
  );
  stage.append(place);
  update();
});
