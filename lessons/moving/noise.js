/**
 * noise: a picture on its way to noise.
 *
 * x_t = √ᾱ_t·x_0 + √(1 − ᾱ_t)·ε with one fixed ε, and ᾱ_t of the linear schedule: β from 0.0001 to 0.02 in 1000 steps,
 * counted from 0. The picture has 16 x 16 pixels from −1, black, to 1, white.
 */
"use strict";

Moving.add("noise", (box) => {
  const SIDE = 16;
  const STEPS = 1000;
  const [FIRST, LAST] = [1e-4, 0.02];
  const PICTURE = [
    "................", "................", ".......##.......", "......####......", ".....######.....", "....########....",
    "...##########...", "..############..", "....########....", "....##.##.##....", "....##.##.##....", "....########....",
    "....###..###....", "....###..###....", "................", "................",
  ];
  const clean = [...PICTURE.join("")].map((each) => (each === "#" ? 1 : -1));
  const drawn = Moving.chance(3);
  const eps = clean.map(() => Math.sqrt(-2 * Math.log(drawn())) * Math.cos(2 * Math.PI * drawn()));
  const bars = [];
  for (let t = 0, product = 1; t < STEPS; t += 1) {
    product *= 1 - (FIRST + ((LAST - FIRST) * t) / (STEPS - 1));
    bars.push(product);
  }
  const said = Moving.said();
  const svg = Moving.drawing(160, 160, "");
  const pixels = clean.map((_, i) => Moving.shape("rect", { x: (i % SIDE) * 10, y: Math.floor(i / SIDE) * 10, width: 10.2, height: 10.2 }));
  svg.append(...pixels);

  function update(t) {
    const [kept, added] = [Math.sqrt(bars[t]), Math.sqrt(1 - bars[t])];
    clean.forEach((value, i) => {
      const x = kept * value + added * eps[i];
      const grey = Math.round(255 * Math.min(Math.max((x + 1) / 2, 0), 1)); // what is beyond −1 and 1 cannot be shown
      pixels[i].setAttribute("fill", `rgb(${grey},${grey},${grey})`);
    });
    svg.setAttribute("aria-label", `a small picture of a house, with noise up to step ${t}`);
    said.textContent = `t = ${t}: x_t = ${Moving.fixed(kept, 3)} · x_0 + ${Moving.fixed(added, 3)} · ε.   ᾱ_t = ${bars[t].toPrecision(3)}`;
  }

  box.append(
    Moving.controls(Moving.slider({ label: "step t", min: 0, max: STEPS - 1, value: 0 }, update)),
    Moving.element("div", { style: "max-width: 20rem" }, svg),
    said,
  );
  update(0);
});
