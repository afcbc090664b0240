/**
 * balance: what a bias and a balancing loss do to the loads of four experts. To find out: the bias evens them out in ten
 * steps and leaves the logits alone, a small factor of the loss does little, and a large one bends the logits.
 *
 * The four words of part 9 in 64 contexts each, k = 2. The bias moves by gamma · sign(mean load − load). The logits of
 * the words move downhill on a task plus factor · E · Σ f·p, by 1 along each word's mean gradient. The task stands for
 * training: a cross-entropy that is lowest at the probabilities of the logits in the text.
 */
"use strict";

Moving.add("balance", ({ knobs, stage, said }) => {
  const LOGITS = [[2, 1, 0, -1], [3, 1, 0, -1], [0, 3, 1, 2], [1, 3, 0, -1]]; // we, painted, the, boat
  const [CONTEXTS, K, LAST] = [64, 2, 60];
  const T = LOGITS.length * CONTEXTS;
  const EXPERTS = LOGITS[0].map((_, e) => e);
  const MEAN = (T * K) / EXPERTS.length;
  const COLOURS = [["one", 1], ["two", 1], ["three", 1], ["one", 0.45]]; // of each expert
  const drawn = Moving.chance(3402); // with this seed step 0 has the loads of the text
  const noise = Array.from({ length: T }, () => EXPERTS.map(() => Math.sqrt(-2 * Math.log(drawn())) * Math.cos(2 * Math.PI * drawn())));
  const wanted = noise.map((_, t) => softmax(logits(LOGITS, t)));
  const state = { step: 10, gamma: 0.02, factor: 0 };
  const place = Moving.element("div");

  function logits(words, t) {
    return noise[t].map((each, e) => each + words[Math.floor(t / CONTEXTS)][e]);
  }

  function softmax(row) {
    const exps = row.map(Math.exp);
    const sum = exps.reduce((one, other) => one + other, 0);
    return exps.map((each) => each / sum);
  }

  function loads(z, bias) { // who is chosen by score and bias
    const load = EXPERTS.map(() => 0);
    z.forEach((row) => {
      const plusBias = row.map((each, e) => 1 / (1 + Math.exp(-each)) + bias[e]);
      [...EXPERTS].sort((one, other) => plusBias[other] - plusBias[one]).slice(0, K).forEach((e) => { load[e] += 1; });
    });
    return load;
  }

  function moved(words, z, load) { // the logits after a step downhill
    const after = words.map((row) => [...row]);
    z.map(softmax).forEach((p, t) => {
      const mean = p.reduce((sum, each, e) => sum + (each * load[e]) / T, 0);
      p.forEach((each, e) => {
        const gradient = each - wanted[t][e] + state.factor * EXPERTS.length * each * (load[e] / T - mean);
        after[Math.floor(t / CONTEXTS)][e] -= gradient / CONTEXTS;
      });
    });
    return after;
  }

  function train() {
    let [words, bias] = [LOGITS, EXPERTS.map(() => 0)];
    return Moving.whole(0, LAST).map(() => {
      const z = noise.map((_, t) => logits(words, t));
      const now = { words, bias, load: loads(z, bias) };
      words = moved(words, z, now.load);
      bias = bias.map((each, e) => each + state.gamma * Math.sign(MEAN - now.load[e]));
      return now;
    });
  }

  function update() {
    const steps = train();
    const { words, bias, load } = steps[state.step];
    const { svg, x, curve } = Moving.plot(
      `loads of four experts over ${LAST} steps; at step ${state.step} they are ${load.join(", ")}`,
      { low: 0, high: LAST, ticks: [0, 10, 20, 30, 40, 50, 60], name: "step" },
      { low: 0, high: T, ticks: [0, 64, MEAN, 192, T], name: "tokens that ask an expert" },
      230,
    );
    const bars = Moving.drawing(340, 118, "loads and biases of this step");
    bars.append(Moving.text(64, 12, `step ${state.step}`, { name: "quiet" }), Moving.text(338, 12, "bias", { anchor: "end", name: "quiet" }));
    EXPERTS.forEach((e) => {
      const [name, opacity] = COLOURS[e];
      const y = 20 + 25 * e;
      curve(steps.map((each, step) => [step, each.load[e]]), `line-${name}`);
      svg.lastChild.setAttribute("opacity", opacity);
      bars.append(
        Moving.text(2, y + 14, `expert ${e}`),
        Moving.shape("rect", { x: 64, y, width: 190 * (load[e] / T), height: 20, rx: 2, class: name, opacity }),
        Moving.text(286, y + 14, String(load[e]), { anchor: "end" }),
        Moving.text(338, y + 14, Moving.fixed(bias[e], 2), { anchor: "end" }),
      );
    });
    svg.append(Moving.shape("path", { d: `M${x(state.step)} 26V194`, class: "mark" }));
    bars.append(Moving.shape("path", { d: "M159 16V118", class: "mark" })); // the mean load
    place.replaceChildren(svg, bars);
    const excess = Math.round(100 * (Math.max(...load) / MEAN - 1));
    said.textContent = `Step ${state.step}: the loads are ${load.join(", ")}. The busiest expert has ${excess} % more than the mean load of ${MEAN}. `
      + `The logit of “the” for expert 1 is ${Moving.fixed(words[2][1], 3)}; the task wants 3.`;
  }

  function set(name, value) {
    state[name] = value;
    update();
  }

  knobs.append(
    Moving.slider({ label: "step", values: Moving.whole(0, LAST), value: state.step }, (value) => set("step", value)),
    Moving.slider({ label: "gamma of the bias", values: [0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5], value: state.gamma }, (value) => set("gamma", value)),
    Moving.slider({ label: "factor of the loss", values: [0, 0.01, 0.1, 0.3, 1, 3], value: state.factor }, (value) => set("factor", value)),
  );
  stage.append(place);
  update();
});
