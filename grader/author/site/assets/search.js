/**
 * The search: sections that have all words. The best are those whose whole heading was typed, then those with the words in
 * their heading; of the best, lessons come before exercises, and these before the glossary. Hyphens do not matter, and if
 * nothing is found a wrong letter is forgiven. The index is a script of its own that is loaded when somebody begins to
 * search.
 */
"use strict";

(() => {
  const { index, root } = document.currentScript.dataset;
  const base = root.slice(0, -"index.html".length);
  const form = document.querySelector(".search");
  const field = form.querySelector("input");
  const list = form.querySelector("ol");
  const status = form.querySelector("[role=status]");
  const MOST = 12;
  const OF_A_PAGE = 3;
  const AROUND = 60;
  const ORDER = ["lesson", "exercise", "glossary", "notation", "document"];
  let loading = false;

  function load() {
    if (loading) {
      return;
    }
    loading = true;
    const script = document.createElement("script");
    script.src = index;
    script.addEventListener("load", show);
    document.head.append(script);
  }

  /* Words are patterns: from the start of a word on, hyphens may stand between letters, so `mamba2` also finds `Mamba-2` */

  function words() {
    const joined = field.value.toLowerCase().replace(/(\p{L})[-‐‑–](?=\d)/gu, "$1");
    return joined.split(/[\s_‐‑–-]+/).filter((word) => word !== "");
  }

  function letters(word) {
    return [...word].map((letter) => letter.replace(/[^\p{L}\p{N}]/u, "\\$&"));
  }

  function exact(word) {
    const all = letters(word);
    return new RegExp(`${all.join("")}|(?<![\\p{L}\\p{N}])${all.join("[-‐‑–_]?")}`, "giu");
  }

  /** The word with one letter too few, too many or wrong, or with two of them swapped. Short words are not guessed. */
  function forgiving(word) {
    const all = letters(word);
    if (all.length < 5) {
      return exact(word);
    }
    const ways = all.flatMap((letter, i) => {
      const [before, after] = [all.slice(0, i).join(""), all.slice(i + 1).join("")];
      const swapped = i + 1 < all.length ? [before + all[i + 1] + letter + all.slice(i + 2).join("")] : [];
      return [`${before}.?${after}`, `${before}.${letter}${after}`, ...swapped];
    });
    return new RegExp(ways.join("|"), "giu");
  }

  function count(pattern, text) {
    return (text.match(pattern) || []).length;
  }

  /** Where a section belongs in the results, or null if it lacks a word. */
  function rank([, page, heading, kind, text], wanted) {
    const title = heading || page;
    const phrase = new RegExp(wanted.map((pattern) => `(?:${pattern.source})`).join("[\\s‐‑–_-]+"), "giu");
    let value = 3 * Math.min(count(phrase, text), 3);
    let [inTitle, inNames] = [true, true];
    for (const pattern of wanted) {
      const [here, above, below] = [count(pattern, title), count(pattern, page), count(pattern, text)];
      if (here + above + below === 0) {
        return null;
      }
      inTitle = inTitle && here > 0;
      inNames = inNames && here + above > 0;
      value += (here > 0 ? 8 : 0) + (above > 0 ? 4 : 0) + Math.min(below, 3);
    }
    const isTitle = new RegExp(`^(?:${phrase.source})s?$`, "iu").test(title);
    return [isTitle ? 0 : inTitle ? 1 : inNames ? 2 : 3, ORDER.indexOf(kind), -value, title.length];
  }

  function matches(wanted) {
    return siteSections
      .map((section) => ({ section, rank: rank(section, wanted) }))
      .filter((each) => each.rank !== null)
      .sort((one, other) => {
        const at = one.rank.findIndex((number, i) => number !== other.rank[i]);
        return at < 0 ? 0 : one.rank[at] - other.rank[at];
      });
  }

  /** The best of what was found: those whose title was typed, then lessons first. */
  function best(found) {
    const group = ({ rank }) => rank[0] === 0 ? -1 : rank[1];
    const seen = {};
    const spread = found.filter(({ section: [, page], rank }) => rank[0] < 2 || (seen[page] = (seen[page] || 0) + 1) <= OF_A_PAGE);
    return spread.slice(0, MOST).sort((one, other) => group(one) - group(other)).map((each) => each.section);
  }

  /* The results */

  function element(name, ...children) {
    const made = document.createElement(name);
    made.append(...children);
    return made;
  }

  /** Text with its Ukrainian words marked as such, for those who listen. */
  function spoken(text) {
    return text.split(/([\u0400-\u04ff][\u0400-\u04ff ’'-]*)/).map((words, place) => {
      const piece = element("span", words);
      piece.lang = place % 2 ? "uk" : "en";
      return piece;
    });
  }

  function excerpt(text, pattern) {
    const at = text.search(pattern);
    if (at < 0) {
      return spoken(upToAWord(text, 2 * AROUND));
    }
    const found = text.match(pattern)[0];
    const start = at <= AROUND ? 0 : text.indexOf(" ", at - AROUND) + 1;
    const rest = text.slice(at + found.length);
    return [
      ...spoken((start ? "… " : "") + text.slice(start, at)), element("mark", ...spoken(found)), ...spoken(upToAWord(rest, AROUND)),
    ];
  }

  /** The beginning of a text, cut between words. */
  function upToAWord(text, length) {
    return text.length <= length ? text : `${text.slice(0, text.lastIndexOf(" ", length))} …`;
  }

  function entry([url, page, heading, kind, text], pattern) {
    const link = element("a", element("b", heading || page));
    link.href = base + url;
    if (heading) {
      link.append(" ", element("span", page));
    }
    link.append(element("small", `${kind}: `, ...excerpt(text, pattern)));
    return element("li", link);
  }

  function show() {
    const asked = words();
    if (asked.length === 0 || typeof siteSections === "undefined") {
      list.hidden = true;
      status.textContent = "";
      return;
    }
    let wanted = asked.map(exact);
    let found = matches(wanted);
    if (found.length === 0) {
      wanted = asked.map(forgiving);
      found = matches(wanted);
    }
    list.replaceChildren(...best(found).map((section) => entry(section, wanted[0])));
    list.hidden = found.length === 0;
    status.textContent = found.length === 0 ? "nothing found" : found.length > MOST ? `the best ${MOST} of ${found.length}` : `${found.length} found`;
  }

  form.hidden = false;
  field.addEventListener("focus", load);
  field.addEventListener("input", () => { load(); show(); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = list.querySelector("a");
    if (first && !list.hidden) {
      first.click();
    }
  });
  form.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const place = links.indexOf(document.activeElement);
    if (event.key === "Escape") {
      list.hidden = true;
      field.focus();
    } else if (event.key === "ArrowDown" && !list.hidden) {
      event.preventDefault();
      (links[place + 1] || links[place]).focus();
    } else if (event.key === "ArrowUp" && place >= 0) {
      event.preventDefault();
      (links[place - 1] || field).focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!form.contains(event.target)) {
      list.hidden = true;
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    }
  });
})();
