/**
 * selective-scan: h = a·h + b·x, one step after the other. To find out: what is left of the first large input when the
 * second one comes, with steps that the token chooses and with fixed ones.
 *
 * a = exp(−Δ) and b = 1 − a, which is zero-order hold with A = −1 and B = 1, so that the state is what was held of the
 * inputs. (Mamba writes b = Δ and lets the network learn the size.) Where Δ is chosen by the token, Δ = softplus(4·|x| − 3): a
 * large input is written, a small one hardly moves the state. Where it is fixed, all steps forget alike.
 */
"use strict";

Moving.add("selective-scan", ({ knobs, stage, said }) => {
  const SIGNAL = [0.1, -0.2, 1.6, 0.1, 0.2, -0.1, 0.1, -1.5, 0.2, -0.1, 0.1, 0.2];
  const FIXED = 0.5;
  const [WIDTH, LINE, COLUMN] = [340, 92, 27];
  const RULES = {
    selective: (x) => Math.log1p(Math.exp(4 * Math.abs(x) - 3)),
    fixed: () => FIXED,
  };
  let rule = "selective";
  let step = 3; // how many steps are done: the first large input has just come
  const place = Moving.element("div");

  function states() {
    const found = [];
    let h = 0;
    for (const x of SIGNAL) {
      const delta = RULES[rule](x);
      const a = Math.exp(-delta);
      const b = 1 - a;
      found.push({ x, a, b, before: h, h: a * h + b * x });
      h = found.at(-1).h;
    }
    return found;
  }

  function row(svg, top, label, values, scale, name) {
    const middle = top + 0.6 * LINE;
    svg.append(
      Moving.text(0, top + 12, label, { name: "quiet" }),
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
    row(svg, LINE, "b, how much is written", all.map((each) => each.b), 40, "two");
    row(svg, 2 * LINE, "state h", all.map((each, i) => (i < step ? each.h : 0)), 24, "one");
    place.replaceChildren(svg);
    said.textContent = now === null ? "No step is done: the state is 0."
      : `Step ${step}: h = ${Moving.fixed(now.a, 2)} · ${Moving.term(now.before, 2)} + ${Moving.fixed(now.b, 2)} · ${Moving.term(now.x, 2)} = ${Moving.fixed(now.h, 2)}`;
  }

  const choice = Moving.choice("a and b are", { selective: "chosen by the token", fixed: "fixed" }, rule, (key) => { rule = key; update(); });
  knobs.append(
    choice.element,
    Moving.slider({ label: "steps done", values: Moving.whole(0, SIGNAL.length), value: step }, (value) => { step = value; update(); }),
  );
  stage.append(Moving.element("p", { class: "formula-line" }, "h = a · h + b · x,   a = exp(−Δ),   b = 1 − a"), place);
  update();
});
