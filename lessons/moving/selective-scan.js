/**
 * selective-scan: h = a·h + b·x, one step after the other.
 *
 * a = exp(−Δ) and b = Δ, as in Mamba with A = −1 and B = 1. Where Δ is chosen by the token, Δ = softplus(4·|x| − 3): a
 * large input is written, a small one hardly moves the state. Where it is fixed, all steps forget alike.
 */
"use strict";

Moving.add("selective-scan", (box) => {
  const SIGNAL = [0.1, -0.2, 1.6, 0.1, 0.2, -0.1, 0.1, -1.5, 0.2, -0.1, 0.1, 0.2];
  const FIXED = 0.5;
  const DELAY = 700; // milliseconds between steps that play
  const [WIDTH, LINE, COLUMN] = [340, 92, 27];
  const RULES = {
    selective: (x) => Math.log1p(Math.exp(4 * Math.abs(x) - 3)),
    fixed: () => FIXED,
  };
  let rule = "selective";
  let step = 0; // how many steps are done
  let timer = null;
  const said = Moving.said();
  const place = Moving.element("div");

  function states() {
    const found = [];
    let h = 0;
    for (const x of SIGNAL) {
      const delta = RULES[rule](x);
      const [a, b] = [Math.exp(-delta), delta];
      found.push({ x, a, b, before: h, h: a * h + b * x });
      h = found.at(-1).h;
    }
    return found;
  }

  function row(svg, top, label, values, scale, name) {
    const middle = top + 0.6 * LINE;
    svg.append(
      Moving.shape("text", { x: 0, y: top + 12, class: "quiet" }, label),
      Moving.shape("path", { d: `M14 ${middle}H${WIDTH}`, class: "axis" }),
    );
    values.forEach((value, i) => {
      const height = Math.abs(value) * scale;
      const done = i < step ? "" : " faint";
      svg.append(Moving.shape("rect", { x: 16 + i * COLUMN, y: value < 0 ? middle : middle - height, width: COLUMN - 7, height, class: name + done }));
    });
  }

  function update() {
    const all = states();
    const now = step === 0 ? null : all[step - 1];
    const svg = Moving.drawing(WIDTH, 3 * LINE, `step ${step} of ${SIGNAL.length}${now ? `, state ${Moving.fixed(now.h, 2)}` : ""}`);
    if (now) {
      svg.append(Moving.shape("rect", { x: 13 + (step - 1) * COLUMN, y: 0, width: COLUMN - 1, height: 3 * LINE, class: "one", opacity: ".12" }));
    }
    row(svg, 0, "input x", SIGNAL, 15, "three");
    row(svg, LINE, "b, how much is written", all.map((each) => each.b), 9, "two");
    row(svg, 2 * LINE, "state h", all.map((each, i) => (i < step ? each.h : 0)), 7, "one");
    place.replaceChildren(svg);
    said.textContent = now === null ? "The state is 0. Step, or play."
      : `Step ${step}: h = ${Moving.fixed(now.a, 2)} · ${Moving.fixed(now.before, 2)} + ${Moving.fixed(now.b, 2)} · ${Moving.fixed(now.x, 2)} = ${Moving.fixed(now.h, 2)}`;
    forward.disabled = step === SIGNAL.length;
    back.disabled = step === 0;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }

  function move(by) {
    step = Math.min(Math.max(step + by, 0), SIGNAL.length);
    if (step === SIGNAL.length) {
      stop();
    }
    update();
  }

  const back = Moving.button("Back", () => { stop(); move(-1); });
  const forward = Moving.button("Step", () => { stop(); move(1); });
  const play = Moving.button("Play", () => {
    if (timer !== null) {
      stop();
      return;
    }
    step = step === SIGNAL.length ? 0 : step;
    play.textContent = "Stop";
    timer = setInterval(() => move(1), DELAY);
    move(1);
  });
  const choice = Moving.choice("a and b are", { selective: "chosen by the token", fixed: "fixed" }, rule, (key) => { rule = key; update(); });
  box.append(
    Moving.controls(choice.element, Moving.element("div", { class: "buttons" }, back, forward, play)),
    Moving.element("p", { class: "formula-line" }, "h = a · h + b · x,   a = exp(−Δ),   b = Δ"),
    place,
    said,
  );
  update();
});
