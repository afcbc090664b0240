/**
 * Comfort for readers: buttons that copy code, keyboard access to boxes that scroll sideways, lowered subscripts, and arrow
 * keys that turn the page.
 */
"use strict";

(() => {
  const COPIED = 2000; // milliseconds for which a button says so

  function addCopyButton(pre) {
    const listing = document.createElement("div");
    const button = document.createElement("button");
    listing.className = "listing";
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(pre.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, COPIED);
    });
    pre.before(listing);
    listing.append(pre, button);
  }

  if (navigator.clipboard) { // only https and files have it
    [...document.querySelectorAll("pre.code")].filter((pre) => !pre.closest(".output")).forEach(addCopyButton);
  }

  /* Boxes that scroll sideways, which depends on the width of the window */

  const NAMES = { pre: "Code", ".wide-table": "Table", ".formula": "Formula", ".drawing": "Picture" };
  const labels = new Map();
  for (const [selector, name] of Object.entries(NAMES)) {
    document.querySelectorAll(selector).forEach((box, place) => labels.set(box, `${name} ${place + 1}, scrolls sideways`));
  }
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth;
      for (const [attribute, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", labels.get(target)]]) {
        if (scrolls) {
          target.setAttribute(attribute, value);
        } else {
          target.removeAttribute(attribute);
        }
      }
    }
  });
  labels.forEach((_, box) => sizes.observe(box));

  /* Without a font for formulas, some browsers leave subscripts on the line; the style sheet lowers those */

  if (document.querySelector("math")) {
    const probe = document.createElement("div");
    probe.innerHTML = "<math><msub><mi>x</mi><mn>0</mn></msub></math>";
    document.querySelector("article").append(probe);
    const [base, subscript] = probe.querySelector("msub").children;
    const lowered = subscript.getBoundingClientRect().bottom - base.getBoundingClientRect().bottom;
    probe.remove();
    document.documentElement.classList.toggle("flat-subscripts", lowered < 2); // pixels
  }

  /* Arrow keys, where they have no other meaning */

  const BUSY = "input, textarea, select, .moving, [role=region], [contenteditable]";
  document.addEventListener("keydown", (event) => {
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    const link = rel && document.querySelector(`.turn [rel=${rel}]`);
    const modified = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (link && !modified && !event.defaultPrevented && !event.target.closest(BUSY)) {
      link.click();
    }
  });
})();
