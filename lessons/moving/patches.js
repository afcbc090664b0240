/**
 * patches: a picture cut into squares, and what that costs.
 *
 * What to find out: T = (I/P)² tokens have T² scores, so half the side of a patch is four times as many tokens and sixteen
 * times as many scores, and twice the side of the picture is the same. The boat is that of part 1, enlarged.
 */
"use strict";

Moving.add("patches", ({ knobs, stage, said }) => {
  const BOAT = ["...#....", "...##...", "...###..", "...####.", "...#....", "########", ".######.", "..####.."];
  const PATCHES = [4, 7, 8, 14, 16, 28, 32, 56]; // all divide 224
  const [WIDTH, SIDE] = [340, 200];
  const [BASE, TENTH] = [210, 20]; // of the columns on the right, and a factor of ten in them
  const state = { P: 16, I: 224 };
  const place = Moving.element("div");

  function update() {
    const { P, I } = state;
    const across = I / P;
    const T = across ** 2;
    const svg = Moving.drawing(WIDTH, 236, `a picture of ${I} × ${I} pixels in ${across} × ${across} patches`);
    const size = SIDE / BOAT.length;
    BOAT.forEach((row, i) => [...row].forEach((each, j) => {
      if (each === "#") {
        svg.append(Moving.shape("rect", { x: j * size, y: 10 + i * size, width: size + 0.3, height: size + 0.3, class: "one", opacity: 0.35 }));
      }
    }));
    const lines = Array.from({ length: across + 1 }, (_, n) => `M${(n * SIDE) / across} 10v${SIDE}M0 ${10 + (n * SIDE) / across}h${SIDE}`);
    svg.append(
      Moving.shape("path", { d: lines.join(""), stroke: "currentColor", "stroke-width": across > 60 ? 0.25 : 0.6, fill: "none" }),
      Moving.text(0, 230, `${across} patches on each side`, { name: "quiet" }),
    );
    [0, 3, 6, 9].forEach((power) => svg.append(
      Moving.shape("path", { d: `M236 ${BASE - power * TENTH}H${WIDTH}`, class: "axis" }),
      Moving.text(232, BASE - power * TENTH + 4, ["1", "10³", "10⁶", "10⁹"][power / 3], { anchor: "end", name: "quiet" }),
    ));
    [["tokens T", T, 248, "one"], ["T²", T * T, 300, "two"]].forEach(([label, value, x, color]) => svg.append(
      Moving.shape("rect", { x, y: BASE - Math.log10(value) * TENTH, width: 32, height: Math.log10(value) * TENTH, rx: 2, class: color }),
      Moving.text(x + 16, 230, label, { anchor: "middle", name: color }),
    ));
    place.replaceChildren(svg);
    const times = (T / 196) ** 2;
    const compared = T === 196 ? "Compare other sides with this."
      : `That is ${times > 1 ? `${Number(times.toPrecision(3)).toLocaleString("en")} times` : `1/${Number((1 / times).toPrecision(3)).toLocaleString("en")} of`} the scores with 224 pixels and P = 16.`;
    said.textContent = `T = (${I} / ${P})² = ${T.toLocaleString("en")} tokens, T² = ${(T * T).toLocaleString("en")} scores in each head. ${compared}`;
  }

  knobs.append(
    Moving.slider({ label: "side of a patch P", values: PATCHES, value: state.P }, (P) => { state.P = P; update(); }),
    Moving.slider({ label: "side of the picture I", values: [224, 448, 672], value: state.I }, (I) => { state.I = I; update(); }),
  );
  stage.append(place);
  update();
});
