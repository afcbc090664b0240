/**
 * dispatch: to how many nodes a token's vector is sent. To find out: more chosen experts and more nodes mean more
 * traffic, a limit bounds it, and what the limit costs in scores is little until it gets tight.
 *
 * 2,000 tokens with random scores for 256 experts, as in part 12. Nodes are rated by their two best experts. Bytes are
 * those of DeepSeek-V3: vectors of 7,168 numbers, out in 8 bits and back in 16, in 58 layers.
 */
"use strict";

Moving.add("dispatch", ({ knobs, stage, said }) => {
  const [T, E] = [2000, 256];
  const BYTES = 7168 * (1 + 2) * 58; // there and back, for one node
  const drawn = Moving.chance(1);
  const tokens = Array.from({ length: T }, () => { // of each its experts, the best first: 24 bits of the score, 8 of the expert
    const scored = Uint32Array.from({ length: E }, (_, e) => Math.floor(drawn() * 2 ** 24) * E + e);
    return scored.sort().reverse();
  });
  const state = { k: 8, M: 8, limit: 4 };
  const place = Moving.element("div");
  let stay = limits();

  function limits() { // no more than there are nodes
    return Moving.slider({ label: "nodes that stay", values: Moving.whole(1, state.M), value: state.limit }, (value) => set("limit", value));
  }

  function nodeOf(scored) {
    return Math.floor(((scored & (E - 1)) * state.M) / E);
  }

  function kept(scored) { // the nodes with the best two experts
    const [rating, seen] = [Array(state.M).fill(0), Array(state.M).fill(0)];
    for (const each of scored) {
      const node = nodeOf(each);
      if (seen[node] < 2) {
        seen[node] += 1;
        rating[node] += each;
      }
    }
    return new Set(Moving.whole(0, state.M - 1).sort((one, other) => rating[other] - rating[one]).slice(0, state.limit));
  }

  function send(limited) { // how many tokens visit 0, 1, ... nodes, and the mean sum of their k scores
    const visits = Array(state.M + 1).fill(0);
    let sum = 0;
    tokens.forEach((scored) => {
      const stay = limited ? kept(scored) : new Set(Moving.whole(0, state.M - 1));
      const chosen = [];
      for (let place = 0; chosen.length < state.k; place += 1) {
        if (stay.has(nodeOf(scored[place]))) {
          chosen.push(scored[place]);
        }
      }
      visits[new Set(chosen.map(nodeOf)).size] += 1;
      chosen.forEach((each) => { sum += each / 2 ** 32 / T; });
    });
    return { visits, sum, mean: visits.reduce((all, count, nodes) => all + (count * nodes) / T, 0) };
  }

  function update() {
    const { k, M, limit } = state;
    const [free, bound] = [send(false), send(true)];
    const { svg, x, y } = Moving.plot(
      `nodes of a token: ${Moving.fixed(free.mean, 1)} on average without the rule, ${Moving.fixed(bound.mean, 1)} with it`,
      { low: 0.5, high: M + 0.5, ticks: Moving.whole(1, M).filter((nodes) => M < 16 || nodes % 2 === 0), name: "nodes that a token is sent to" },
      { low: 0, high: 100, ticks: [0, 25, 50, 75, 100], name: "per cent:" },
      330,
    );
    const width = (268 / M) * 0.4;
    Moving.whole(1, M).forEach((nodes) => [[free, "two", 1], [bound, "one", 0]].forEach(([each, name, left]) => {
      const height = (each.visits[nodes] / T) * (y(0) - y(100));
      svg.append(Moving.shape("rect", { x: x(nodes) - left * width, y: y(0) - height, width, height, class: name }));
    }));
    svg.append(Moving.text(116, 12, "without the rule", { name: "two" }), Moving.text(322, 12, "with it", { anchor: "end", name: "one" }));
    place.replaceChildren(svg);
    const [most, bounded] = [Math.min(k, M), Math.min(k, M, limit)];
    const megabytes = (nodes) => `${Moving.fixed((nodes * BYTES) / 1e6, 1)} MB`;
    const mean = ({ mean: nodes }) => Number(nodes.toFixed(1));
    said.textContent = `Without the rule a token goes to ${Moving.counted(mean(free), "node")} on average and to at most ${most}, with it to ${mean(bound)} and at most ${bounded}. `
      + `In 58 layers with vectors as wide as those of DeepSeek-V3 that is ${megabytes(most)} and ${megabytes(bounded)} for a token at most, there and back. `
      + `The scores it chooses by sum to ${Moving.fixed(free.sum, 2)} without the rule and to ${Moving.fixed(bound.sum, 2)} with it.`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  knobs.append(
    Moving.slider({ label: "experts of a token k", values: [1, 2, 4, 8, 16], value: state.k }, (value) => set("k", value)),
    Moving.slider({ label: "nodes in all", values: [2, 4, 8, 16], value: state.M }, (value) => {
      state.limit = Math.min(state.limit, value);
      set("M", value);
      const before = stay;
      stay = limits();
      before.replaceWith(stay);
    }),
    stay,
  );
  stage.append(place);
  update();
});
