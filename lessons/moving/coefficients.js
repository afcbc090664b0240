/**
 * coefficients: a day of the tide, told by its first N coefficients.
 *
 * What to find out: which coefficients bend the curve to the water, and that those after the 14th only follow the waves on
 * the gauge. The curve is the sum of the shapes √(2n + 1)·P_n(2s − 1), each times its coefficient.
 */
"use strict";

Moving.add("coefficients", ({ knobs, stage, said }) => {
  // g.T @ x / 240 of part 2, from the gauge's 240 readings
  const H = [4.8579, -0.0189, 0.3705, 0.0375, 1.8557, 0.288, -0.8338, -0.542, -0.0556, 0.333, 0.0606, -0.1478,
    -0.0079, 0.0283, -0.0184, -0.0318, -0.051, 0.0309, 0.04, 0.0332, 0.0107, -0.0536, 0.0278, 0.0321];
  const PLACES = Array.from({ length: 240 }, (_, i) => (i + 0.5) / 240);
  const TIDE = PLACES.map((s) => 5 + 3 * Math.cos((2 * Math.PI * 24 * s) / 12.4) + Math.cos((2 * Math.PI * 24 * s) / 8 + 1));
  const [WIDTH, LEFT, BOTTOM, HIGHEST] = [340, 26, 176, 12]; // HIGHEST: six coefficients swing up to it
  const SHAPES = PLACES.map(shapes);
  const OFF = H.map((_, n) => off(n + 1));
  const place = Moving.element("div");

  function shapes(s) {
    const z = 2 * s - 1;
    const p = [1, z];
    for (let m = 1; m < H.length - 1; m += 1) {
      p.push(((2 * m + 1) * z * p[m] - m * p[m - 1]) / (m + 1));
    }
    return p.map((each, n) => Math.sqrt(2 * n + 1) * each);
  }

  function curve(N) {
    return SHAPES.map((row) => H.slice(0, N).reduce((sum, h, n) => sum + h * row[n], 0));
  }

  function off(N) {
    return Math.sqrt(curve(N).reduce((sum, each, i) => sum + (each - TIDE[i]) ** 2, 0) / TIDE.length);
  }

  function x(s) {
    return LEFT + s * (WIDTH - LEFT - 4);
  }

  function y(height) {
    return BOTTOM - (height / HIGHEST) * (BOTTOM - 22);
  }

  function line(heights, name) {
    return Moving.shape("path", { d: `M${heights.map((height, i) => `${x(PLACES[i]).toFixed(1)} ${y(height).toFixed(1)}`).join("L")}`, class: name });
  }

  function errors(svg, N) { // below the curves, on a logarithmic scale
    const height = (error) => 272 - 42 * Math.log10(error / 0.1);
    [0.1, 1].forEach((error) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${height(error)}H${WIDTH}`, class: "axis" }),
      Moving.text(LEFT - 4, height(error) + 4, String(error), { anchor: "end", name: "quiet" }),
    ));
    H.forEach((_, n) => svg.append(
      Moving.shape("circle", { cx: x((n + 0.5) / H.length), cy: height(OFF[n]), r: n + 1 === N ? 6 : 3.5, class: n + 1 === N ? "one" : "quiet" }),
    ));
    svg.append(
      Moving.text(x(0.4), 219, "off, with N coefficients", { name: "quiet" }),
      ...[1, 8, 16, 24].map((each) => Moving.text(x((each - 0.5) / H.length), 302, String(each), { anchor: "middle", name: "quiet" })),
    );
  }

  function update(N) {
    const svg = Moving.drawing(WIDTH, 308, `the water over 24 hours, and the curve of the first coefficients, N = ${N}`);
    [0, 5, 10].forEach((height) => svg.append(
      Moving.shape("path", { d: `M${LEFT} ${y(height)}H${WIDTH}`, class: "axis" }),
      Moving.text(LEFT - 5, y(height) + 4, String(height), { anchor: "end", name: "quiet" }),
    ));
    [0, 6, 12, 18].forEach((hour) => svg.append(
      Moving.text(x(hour / 24), BOTTOM + 16, hour === 0 ? "hour 0" : String(hour), { name: "quiet" }),
    ));
    svg.append(
      line(TIDE, "line-two"), line(curve(N), "line-one"),
      Moving.text(x(0.06), 13, "water", { name: "two" }),
      Moving.text(x(0.32), 13, Moving.counted(N, "coefficient"), { name: "one" }),
    );
    errors(svg, N);
    place.replaceChildren(svg);
    const change = N === 1 ? 0 : OFF[N - 2] - OFF[N - 1];
    const toward = change > 0 ? "closer to the water" : "away from the water: it follows the waves on the gauge";
    const verdict = Math.abs(change) < 0.001 ? "changes next to nothing" : `takes the curve ${Moving.fixed(Math.abs(change), 3)} decimetres ${toward}`;
    said.textContent = `N = ${N}: the curve is off by ${Moving.fixed(OFF[N - 1], 2)} decimetres over the day. `
      + (N === 1 ? "It is the mean of the day." : `The last coefficient, ${Moving.fixed(H[N - 1], 2)}, ${verdict}.`);
  }

  knobs.append(Moving.slider({ label: "coefficients N", values: Moving.whole(1, H.length), value: 8 }, update));
  stage.append(place);
  update(8);
});
