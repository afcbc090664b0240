/**
 * noise: the boat on its way to noise. To find out: at which step the sail can no longer be told, and that it is long
 * before the last one.
 *
 * x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε with one fixed ε, and ᾱ_t of the linear schedule: β from 0.0001 to 0.02 in 1000 steps,
 * counted from 0. Boat and ε are those of the lesson's pictures; −1 is black and 1 is white.
 */
"use strict";

Moving.add("noise", ({ knobs, stage, said }) => {
  const BOAT = ["...#....", "...##...", "...###..", "...####.", "...#....", "########", ".######.", "..####.."];
  const EPS = [
    -1.04, 0.92, -1.3, -1.11, -1.22, 1.17, -1.06, -0.12, -0.91, 0.35, -0.57, -0.24, 1.01, -0.75, -0.22, -0.43, -1.51, -0.46, -0.85, 0.53, 0.03,
    -0.05, 1.07, 0.89, 0.46, -0.5, 0.13, 2.76, 0.14, 1.12, 0.32, 1.75, -0.76, 1.83, -0.28, -0.27, -1.29, -0.02, -0.24, -0.71, 1.16, 0.43,
    -1.19, -0.75, -0.93, -0.86, -0.96, -0.1, -1.02, 0.32, -1.6, 1.85, 0.04, 1.59, -0.59, 1.13, 0.76, -1.2, -0.58, -0.44, -1.98, 0.78, -0.77, -0.14,
  ];
  const STEPS = 1000;
  const [FIRST, LAST] = [1e-4, 0.02];
  const SIDE = 34;
  const clean = [...BOAT.join("")].map((each) => (each === "#" ? 1 : -1));
  const bars = [];
  for (let t = 0, product = 1; t < STEPS; t += 1) {
    product *= 1 - (FIRST + ((LAST - FIRST) * t) / (STEPS - 1));
    bars.push(product);
  }
  const svg = Moving.drawing(340, 8 * SIDE + 56, "");
  const pixels = clean.map((_, i) => Moving.shape("rect", { x: 34 + (i % 8) * SIDE, y: Math.floor(i / 8) * SIDE, width: SIDE + 0.3, height: SIDE + 0.3 }));
  const [picture, noise] = ["one", "two"].map((name, row) => Moving.shape("rect", { x: 70, y: 8 * SIDE + 14 + 22 * row, height: 14, class: name }));
  const frame = Moving.shape("rect", { x: 34, y: 0.5, width: 8 * SIDE, height: 8 * SIDE, class: "axis" });
  svg.append(...pixels, frame, picture, noise,
    Moving.text(62, 8 * SIDE + 26, "picture", { anchor: "end" }), Moving.text(62, 8 * SIDE + 48, "noise", { anchor: "end" }));

  function update(t) {
    const [kept, added] = [Math.sqrt(bars[t]), Math.sqrt(1 - bars[t])];
    clean.forEach((value, i) => {
      const x = kept * value + added * EPS[i];
      const grey = Math.round(255 * Math.min(Math.max((x + 1) / 2, 0), 1)); // what is beyond −1 and 1 cannot be shown
      pixels[i].setAttribute("fill", `rgb(${grey},${grey},${grey})`);
    });
    picture.setAttribute("width", 236 * kept);
    noise.setAttribute("width", 236 * added);
    svg.setAttribute("aria-label", `the boat, with noise up to step ${t}`);
    said.textContent = `t = ${t}: x_t = ${Moving.fixed(kept, 3)} · x_0 + ${Moving.fixed(added, 3)} · ε. `
      + `The squares of both sum to 1; ᾱ_t = ${bars[t].toPrecision(3)} is the first.`;
  }

  knobs.append(Moving.slider({ label: "step t", values: Moving.whole(0, STEPS - 1), value: 0 }, update));
  stage.append(svg);
  update(0);
});
