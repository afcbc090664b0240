/**
 * The reader's place: answers, opened boxes, what is read, where to continue, and the theme.
 */
"use strict";

(() => {
  const here = Memory.path(location.href);
  const part = document.querySelector("article[data-part]");

  /* Answers and boxes */

  function setUpAnswer(question) {
    const form = question.querySelector("form");
    const key = `${here} ${question.dataset.question}`;
    const options = [...form.querySelectorAll("input[type=radio]")];
    const field = form.querySelector("input[type=text]");
    const before = Memory.get("answers")[key];
    const option = options.find((each) => each.parentElement.textContent.trim() === before);
    if (option || (field && before)) {
      if (option) {
        option.checked = true;
      } else {
        field.value = before;
      }
      form.requestSubmit();
    }
    form.addEventListener("submit", () => {
      const chosen = options.find((each) => each.checked);
      const words = chosen ? chosen.parentElement.textContent.trim() : field ? field.value.trim() : "";
      if (words !== "") {
        Memory.set("answers", key, words);
      }
    });
  }

  function setUpBox(box) {
    const key = `${here} ${box.dataset.box}`;
    box.open = box.open || Boolean(Memory.get("boxes")[key]);
    box.querySelector("summary").addEventListener("click", () => { // before it opens or closes
      Memory.set("boxes", key, box.open ? undefined : true);
    });
  }

  document.querySelectorAll(".question").forEach(setUpAnswer);
  document.querySelectorAll("details[data-box]").forEach(setUpBox);

  /* Parts: where the reader is, and which ones are read, that is: seen to their end */

  function remember(url, title) {
    Memory.set("place", "url", url);
    Memory.set("place", "title", title);
  }

  function finish() {
    Memory.set("read", here, true);
    const next = document.querySelector(".turn [rel=next]");
    if (next) {
      remember(Memory.path(next.href), next.dataset.title);
    }
    showRead();
  }

  function showRead() {
    const read = Memory.get("read");
    for (const link of document.querySelectorAll(".parts a")) {
      if (read[Memory.path(link.href)] && !link.querySelector(".read")) {
        const mark = document.createElement("span");
        mark.className = "read";
        mark.setAttribute("role", "img");
        mark.setAttribute("aria-label", "read");
        mark.textContent = "✓";
        link.append(" ", mark);
      }
    }
    for (const lesson of document.querySelectorAll(".map [data-folder]")) {
      const count = Object.keys(read).filter((url) => url.startsWith(lesson.dataset.folder)).length;
      if (count > 0) {
        const line = document.createElement("p");
        line.className = "progress";
        line.textContent = `${count} of ${lesson.dataset.parts} read`;
        lesson.append(line);
      }
    }
  }

  if (part) {
    remember(here, part.dataset.part);
    const end = document.querySelector(".turn") || part.lastElementChild;
    const watch = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        watch.disconnect();
        finish();
      }
    });
    watch.observe(end);
  }
  showRead();

  /* The home page: continue, or forget */

  const line = document.querySelector(".continue");
  const { url, title } = Memory.get("place");
  if (line && url && title) {
    const link = line.querySelector("a");
    link.href = url; // the home page is in the site's folder
    link.textContent = title;
    line.hidden = false;
  }
  const remembered = document.querySelector(".remembered");
  if (remembered && !Memory.isEmpty()) {
    remembered.hidden = false;
    remembered.querySelector("button").addEventListener("click", () => {
      if (confirm("Forget your place, the parts you have read, and all your answers?")) {
        Memory.forget();
        location.reload();
      }
    });
  }

  /* Theme */

  const theme = document.querySelector(".theme");
  theme.hidden = false;
  theme.querySelector("select").value = document.documentElement.dataset.theme;
  theme.addEventListener("change", (event) => {
    Memory.set("theme", "chosen", event.target.value || undefined);
    Memory.showTheme();
  });
})();
