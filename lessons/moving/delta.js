/**
 * delta: what a write does to a state of two numbers, and to all that is read from it.
 *
 * What to find out: the delta rule goes to the nearest state that says the new number, and so leaves what is at right
 * angles alone. A sum goes too far, and fading moves everything. Keys, numbers and rules are those of the phone book.
 */
"use strict";

Moving.add("delta", ({ knobs, stage, said }) => {
  const KEYS = { Anna: [1, 0], Boris: [0, 1], Vera: [0.6, 0.8] };
  const BEFORE = [3, 6];
  const RULES = {
    sum: (held, number) => ({ kept: 1, written: number }),
    fade: (held, number) => ({ kept: 0.5, written: number }),
    delta: (held, number) => ({ kept: 1, written: number - held }),
  };
  const STRENGTHS = { all: 1, half: 0.5, none: 0 };
  const [WIDTH, SCALE, LOW, HIGH, LEFT, BOTTOM] = [340, 12, -2, 17, 24, 248]; // LOW, HIGH: of both numbers of a state
  const state = { rule: "sum", name: "Anna", number: 7, beta: 1 };
  const place = Moving.element("div");

  function read(name, vector) {
    return KEYS[name][0] * vector[0] + KEYS[name][1] * vector[1];
  }

  function after() {
    const { kept, written } = RULES[state.rule](read(state.name, BEFORE), state.number);
    return BEFORE.map((each, i) => kept * each + state.beta * written * KEYS[state.name][i]);
  }

  function at([right, up]) {
    return [LEFT + (right - LOW) * SCALE, BOTTOM - (up - LOW) * SCALE];
  }

  function wanted() { // the line of all states that say the number: it is at right angles to the key
    const [a, b] = KEYS[state.name];
    const points = Moving.whole(-300, 300).map((step) => [state.number * a - (step / 10) * b, state.number * b + (step / 10) * a]);
    const inside = points.filter((point) => point.every((each) => each >= LOW && each <= HIGH));
    return Moving.shape("path", { d: `M${inside.map((point) => at(point).map((each) => each.toFixed(1)).join(" ")).join("L")}`, class: "line-three", "stroke-dasharray": "5 4" });
  }

  function update() {
    const now = after();
    const [[x, y], [toX, toY]] = [at(BEFORE), at(now)];
    const reading = (name) => `${name} ${Moving.fixed(read(name, now), 1)}`;
    const svg = Moving.drawing(WIDTH, BOTTOM + 24, `the state moves from 3, 6 to ${now.map((each) => Moving.fixed(each, 1)).join(", ")}; it says ${Object.keys(KEYS).map(reading).join(", ")}`);
    const side = (HIGH - LOW) * SCALE;
    const right = LEFT + side + 8; // of the axes
    [0, 5, 10, 15].forEach((tick) => svg.append(
      Moving.shape("path", { d: `M${at([tick, LOW])}V${BOTTOM - side}M${at([LOW, tick])}H${LEFT + side}`, class: "axis" }),
      Moving.text(at([tick, LOW])[0], BOTTOM + 16, String(tick), { anchor: "middle", name: "quiet" }),
      Moving.text(LEFT - 5, at([LOW, tick])[1] + 4, String(tick), { anchor: "end", name: "quiet" }),
    ));
    svg.append(
      wanted(),
      Moving.shape("path", { d: `M${x} ${y}L${toX} ${toY}`, class: "line-one" }),
      Moving.shape("circle", { cx: x, cy: y, r: 5, class: "quiet" }),
      Moving.shape("circle", { cx: toX, cy: toY, r: 6.5, class: "one" }),
      Moving.text(right, BOTTOM + 16, "Anna →", { name: "quiet" }),
      Moving.text(2, 12, "↑ Boris", { name: "quiet" }),
      Moving.text(right, 32, "it says", { name: "quiet" }),
      Moving.shape("circle", { cx: right + 6, cy: BOTTOM - 66, r: 5, class: "quiet" }),
      Moving.text(right + 18, BOTTOM - 61.5, "before", { name: "quiet" }),
      Moving.shape("circle", { cx: right + 6, cy: BOTTOM - 45, r: 6.5, class: "one" }),
      Moving.text(right + 18, BOTTOM - 40.5, "after", { name: "one" }),
      Moving.shape("path", { d: `M${right} ${BOTTOM - 24}h24`, class: "line-three", "stroke-dasharray": "5 4" }),
      Moving.text(right, BOTTOM - 6, `${state.name} ${state.number}`, { name: "three" }),
    );
    Object.keys(KEYS).forEach((name, row) => {
      const moved = Math.abs(read(name, now) - read(name, BEFORE)) > 1e-9;
      svg.append(
        Moving.text(right, 56 + 42 * row, name, { name: name === state.name ? "one" : "" }),
        Moving.text(right, 73 + 42 * row, `${Moving.fixed(read(name, BEFORE), 1)}${moved ? ` → ${Moving.fixed(read(name, now), 1)}` : ""}`, { name: moved ? "two" : "" }),
      );
    });
    place.replaceChildren(svg);
    const held = read(state.name, BEFORE);
    const { written } = RULES[state.rule](held, state.number);
    const done = `${state.rule === "fade" ? "The state is halved, and " : ""}${state.beta} · ${Moving.term(written, 1)} is written`;
    const others = Object.keys(KEYS).filter((name) => name !== state.name).map((name) => `${name} ${Moving.fixed(read(name, now), 1)}`);
    said.textContent = `Under ${state.name} it said ${Moving.fixed(held, 1)} and should say ${state.number}, as all states on the dashed line do. `
      + `${done}: now it says ${Moving.fixed(read(state.name, now), 1)}, and ${others.join(", ")}.`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  const rules = { sum: "sum", fade: "fade by half", delta: "delta rule" };
  const names = Object.fromEntries(Object.keys(KEYS).map((name) => [name, name]));
  knobs.append(
    Moving.choice("rule", rules, state.rule, (rule) => set("rule", rule)).element,
    Moving.choice("new number for", names, state.name, (name) => set("name", name)).element,
    Moving.slider({ label: "new number", values: Moving.whole(0, 10), value: state.number }, (number) => set("number", number)),
    Moving.choice("strength beta", { all: "1", half: "1/2", none: "0" }, "all", (key) => set("beta", STRENGTHS[key])).element,
  );
  stage.append(place);
  update();
});
