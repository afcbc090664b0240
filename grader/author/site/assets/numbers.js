/**
 * Reads numbers as people write them, by the rules of grader/base/numbers.py: 1,392, −3.5, 3/8, 37 %, 46.7B, 540 µs.
 */
"use strict";

const FACTORS = {
  "%": 1e-2, k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18, B: 1e9,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50,
  thousand: 1e3, million: 1e6, billion: 1e9, trillion: 1e12,
};
const NUMBER = new RegExp(
  "^(?<sign>[+-]?)" +
  "(?<whole>[1-9][0-9]{0,2}(?:,[0-9]{3})+(?![0-9,])|[1-9][0-9]{0,2}(?:[ _][0-9]{3})+(?![0-9])|[0-9]+|(?=\\.[0-9]))" +
  "(?<fraction>\\.[0-9]*)?(?<exponent>e[+-]?[0-9]{1,5}(?![0-9]))?(?:\\s*/\\s*(?<below>[0-9]+)(?![0-9.,]))?", "i");
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Returns the numbers that a text can mean, since a prefix or % may or may not count; null if it is no number. */
function readings(text) {
  const typed = text
    .replace(/[−–‐‑]/g, "-").replace(/[\u00a0\u2009\u202f\t]/g, " ")
    .replace(/(?<=10)[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (power) => "^" + [...power].map((sign) => sign === "⁻" ? "-" : RAISED.indexOf(sign)).join(""))
    .trim().replace(/^[~≈= ]+/, "")
    .replace(/(?<=[0-9.])\s*[x*·×]\s*10\s*(?:\^|\*\*)\s*([+-]?[0-9]+)/g, "e$1");
  const found = NUMBER.exec(typed);
  const rest = found && typed.slice(found[0].length).trim();
  if (!found || /[0-9]/.test(rest)) {
    return null;
  }
  const { sign, whole, fraction, exponent, below } = found.groups;
  const number = Number(sign + (whole.replace(/[, _]/g, "") || "0") + (fraction || "") + (exponent || "")) / (below || 1);
  if (!Number.isFinite(number)) {
    return null;
  }
  const word = rest.startsWith("%") ? "%" : rest.split(/\s+/)[0];
  const spellings = new Set([word, word.replace(/B$/, ""), ...(word.length > 2 ? [word.toLowerCase()] : [])]);
  const known = [...spellings].filter((each) => Object.hasOwn(FACTORS, each));
  return [number, ...known.map((each) => number * FACTORS[each])];
}
