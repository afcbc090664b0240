/**
 * speculation: what drafts bring and cost, as in lesson 2: tokens of a pass, its time, and the first over the second.
 *
 * What to find out: how many drafts are best for a rate of acceptance. One more pays as long as it alone brings more for
 * its time than the pass does so far. A pass gives 1 + rate + ... + rate^drafts tokens and takes 1 + cost · drafts.
 */
"use strict";

Moving.add("speculation", ({ knobs, stage, said }) => {
  const MOST = 12;
  const RATES = Moving.whole(1, 19).map((each) => each / 20);
  const COSTS = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5];
  const state = { rate: 0.75, cost: 0.1, drafts: 2 };
  const place = Moving.element("div");

  function tokens(drafts) {
    return (1 - state.rate ** (drafts + 1)) / (1 - state.rate);
  }

  function time(drafts) { // of a pass and its drafts; 1 is a pass without drafts
    return 1 + state.cost * drafts;
  }

  function speed(drafts) {
    return tokens(drafts) / time(drafts);
  }

  function update() {
    const { rate, cost, drafts } = state;
    const counts = Moving.whole(0, MOST);
    const highest = Math.max(tokens(MOST), time(MOST));
    const ticks = [2, 4, 6, 8, 10].find((each) => each >= highest);
    const { svg, x, y, curve } = Moving.plot(
      `tokens, time and speed over drafts; with ${Moving.counted(drafts, "draft")} ${Moving.fixed(speed(drafts), 2)} times as fast`,
      { low: 0, high: MOST, ticks: [0, 2, 4, 6, 8, 10, 12], name: "drafts" },
      { low: 0, high: ticks, ticks: Moving.whole(0, ticks).filter((each) => ticks < 6 || each % 2 === 0), name: "" },
    );
    svg.append(
      Moving.shape("path", { d: `M${x(drafts)} 26V234`, class: "mark" }),
      Moving.text(54, 14, "times as fast", { name: "one" }),
      Moving.text(190, 14, "tokens", { anchor: "middle", name: "two" }),
      Moving.text(322, 14, "time of a pass", { anchor: "end", name: "three" }),
    );
    [[time, "three"], [tokens, "two"], [speed, "one"]].forEach(([what, name]) => {
      curve(counts.map((each) => [each, what(each)]), `line-${name}`);
      svg.append(Moving.shape("circle", { cx: x(drafts), cy: y(what(drafts)), r: name === "one" ? 6 : 4, class: name }));
    });
    place.replaceChildren(svg);
    const more = rate ** (drafts + 1);
    const pays = speed(drafts + 1) > speed(drafts);
    const best = drafts === 0 || speed(drafts) > speed(drafts - 1);
    said.textContent = `A pass with ${Moving.counted(drafts, "draft")} gives ${Moving.counted(Number(tokens(drafts).toFixed(2)), "token")} on average and takes ${Moving.fixed(time(drafts), 2)} times as long: `
      + `${Moving.fixed(speed(drafts), 2)} times as fast. One more would bring ${Number(more.toPrecision(2))} tokens in ${cost} of a pass, `
      + `or ${Moving.fixed(more / cost, 2)} a pass. That is ${pays ? "more, so it pays." : `not more, so it does not pay.${best ? " No other number is faster." : " Fewer are faster."}`}`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  knobs.append(
    Moving.slider({ label: "acceptance rate", values: RATES, value: state.rate, words: (rate) => Moving.fixed(rate, 2) }, (rate) => set("rate", rate)),
    Moving.slider({ label: "drafts", values: Moving.whole(0, MOST), value: state.drafts }, (drafts) => set("drafts", drafts)),
    Moving.slider({ label: "time of a draft, in passes", values: COSTS, value: state.cost }, (cost) => set("cost", cost)),
  );
  stage.append(place);
  update();
});
