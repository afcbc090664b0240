/**
 * What the pages do where scripts run: a definition stands beside its term and a reference beside its citation, and
 * an answer is given before one is shown.
 * Without scripts definitions stand at the bottom of the window, and answers are in <details>.
 */
"use strict";

/* Definitions and references: beside the word; Escape hides them. A tap on a term shows its definition; on a citation it opens the work. */

const EXPLAINED = ".term, .cited";

function placeDefinition(term) {
  const definition = term.nextElementSibling; // or reference
  term.classList.remove("dismissed");
  const word = term.getClientRects()[0];
  const width = Math.min(416, document.documentElement.clientWidth - 32);
  const left = Math.max(16, Math.min(word.left, document.documentElement.clientWidth - width - 16));
  Object.assign(definition.style, { left: `${left}px`, width: `${width}px`, top: `${word.bottom}px`, bottom: "auto" });
  const height = definition.getBoundingClientRect().height;
  if (word.bottom + height > window.innerHeight && word.top > height) {
    definition.style.top = `${word.top - height}px`;
  }
}

function addLink(term) {
  const definition = term.nextElementSibling;
  if (!definition.querySelector("a")) {
    const link = document.createElement("a");
    link.href = term.href;
    link.textContent = "In the glossary";
    definition.append(" ", link);
  }
}

function setUpExplained(word) {
  word.addEventListener("pointerenter", () => placeDefinition(word));
  word.addEventListener("focus", () => placeDefinition(word));
}

function setUpTerm(term) {
  let byFinger = false;
  term.addEventListener("pointerdown", (event) => { byFinger = event.pointerType !== "mouse"; });
  term.addEventListener("click", (event) => {
    if (byFinger) { // the first touch shows the definition, from which a link leads on
      event.preventDefault();
      addLink(term);
      term.focus();
      placeDefinition(term);
    }
  });
}

function dismissDefinitions() {
  document.querySelectorAll(EXPLAINED).forEach((word) => word.classList.add("dismissed"));
}

/* Questions: what is given stands beside what is expected, and what waited for it opens. */

function given(question) {
  const chosen = question.querySelector("input:checked");
  if (chosen) {
    return { words: chosen.parentElement.textContent.trim(), right: chosen.hasAttribute("data-right") };
  }
  const field = question.querySelector("input[type=text]");
  const words = field ? field.value.trim() : "";
  if (!question.dataset.number || words === "") {
    return { words, right: null };
  }
  const expected = Number(question.dataset.number);
  const tolerance = Number(question.dataset.tolerance) + 1e-9 * Math.abs(expected);
  const numbers = readings(words);
  return { words, right: numbers && numbers.some((each) => Math.abs(each - expected) <= tolerance), unread: !numbers };
}

function span(name, ...words) {
  const element = document.createElement("span");
  element.className = name;
  element.append(...words);
  return element;
}

function setUpQuestion(question) {
  const form = question.querySelector("form");
  const answer = question.querySelector(".answer");
  const waiting = document.querySelectorAll(`.waiting[data-after="${question.dataset.question}"]`);
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const verdict = question.querySelector(".verdict");
    const { words, right, unread } = given(question);
    if (words === "") {
      verdict.replaceChildren(span("quiet", "Give an answer first, or open it below."));
      return;
    }
    if (unread) {
      verdict.replaceChildren(span("quiet", "A number, please, such as 1,200, 0.5 (with a point), 1.2e9, 3/8 or 37 %."));
      return;
    }
    const mark = right === null ? "" : right ? "✓ " : "✗ ";
    const expected = question.querySelector(".expected").cloneNode(true);
    expected.querySelectorAll(".definition").forEach((each) => each.remove());
    verdict.replaceChildren(span("yours", `${mark}yours: ${words}`), span("wanted", `expected: ${expected.textContent}`));
    answer.open = true;
  });
  answer.addEventListener("toggle", () => {
    if (answer.open) {
      waiting.forEach((each) => { each.open = true; });
    }
  });
}

document.querySelectorAll(EXPLAINED).forEach(setUpExplained);
document.querySelectorAll(".term").forEach(setUpTerm);
document.querySelectorAll(".question").forEach(setUpQuestion);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    dismissDefinitions();
  }
});
window.addEventListener("scroll", () => {
  if (document.activeElement.matches(EXPLAINED)) {
    placeDefinition(document.activeElement);
  }
}, { passive: true });

/* Where there is room, the contents of the page are open. */

if (window.matchMedia("(min-width: 64rem)").matches) {
  document.querySelectorAll("details.toc").forEach((each) => { each.open = true; });
}
