
"use strict";
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const make = (name, properties = {}, ...inside) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...inside);
    return element;
  };
  const dataOf = (name) => JSON.parse(document.getElementById("data-" + name).textContent);
  const nameOf = (exhibit) => exhibit.id.replace(/^figure-/, "");

  // The colour scheme: the system's, until the button says otherwise.
  const scheme = document.querySelector(".scheme");
  const remembered = (value) => {
    try {
      if (value === undefined) return localStorage.getItem("scheme");
      localStorage.setItem("scheme", value);
    } catch { /* a page of a file may have no storage */ }
    return null;
  };
  const isDark = () => (document.documentElement.dataset.scheme
    || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const nameScheme = () => {
    scheme.textContent = isDark() ? "Light" : "Dark";
    scheme.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  };
  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.scheme = chosen;
  scheme.hidden = false;
  scheme.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.scheme = next;
    remembered(next);
    nameScheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameScheme);
  nameScheme();

  // Tiles of the board show the claims of their outcome alone.
  const tiles = all(".tile");
  tiles.forEach((tile) => tile.addEventListener("click", () => {
    const on = tile.getAttribute("aria-pressed") !== "true";
    tiles.forEach((other) => other.setAttribute("aria-pressed", String(on && other === tile)));
    all(".claims > li").forEach((claim) => {
      claim.hidden = on && !claim.classList.contains(tile.dataset.outcome);
    });
  }));

  // A link to something folded up opens it.
  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const folded = target.tagName === "LI" ? target.querySelector("details") : target.closest("details");
    if (folded) {
      folded.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", unfold);
  all('a[href^="#protocol-"]').forEach((link) => link.addEventListener("click", () => setTimeout(unfold)));
  unfold();

  // Tables are sorted by a column, first up, then down; cells without a number come last.
  const numberOf = (text) => {
    const number = parseFloat(text.replace("−", "-").replace("∞", "Infinity"));
    return Number.isNaN(number) ? null : number;
  };
  all(".tabular table").forEach((table) => {
    const body = table.tBodies[0];
    const titles = all("thead th", table);
    titles.forEach((title, column) => {
      const button = make("button", { type: "button", textContent: title.textContent });
      title.replaceChildren(button);
      title.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const up = title.getAttribute("aria-sort") !== "ascending";
        titles.forEach((other) => other.setAttribute("aria-sort", "none"));
        title.setAttribute("aria-sort", up ? "ascending" : "descending");
        const cell = (row) => row.cells[column].textContent;
        // The first column names its row, even where a name begins with a digit.
        const isNumber = (row) => column > 0 && numberOf(cell(row)) !== null;
        const words = [...body.rows].filter((row) => !isNumber(row)).sort((a, b) => cell(a).localeCompare(cell(b)));
        const numbers = [...body.rows].filter(isNumber).sort((a, b) => numberOf(cell(a)) - numberOf(cell(b)));
        if (!up) (numbers.reverse(), words.reverse());
        body.append(...numbers, ...words);
      });
    });
  });

  // Figures are enlarged to the window; the figure itself moves there, so that its names stay unique.
  const lightbox = document.querySelector(".lightbox");
  let home = null;
  const enlarge = (paper) => {
    home = paper.parentElement;
    const close = make("button", { type: "button", className: "close", textContent: "Close" });
    close.addEventListener("click", () => lightbox.close());
    lightbox.replaceChildren(close, paper);
    lightbox.showModal();
  };
  lightbox.addEventListener("close", () => {
    const paper = lightbox.querySelector(".paper");
    if (paper && home) home.prepend(paper);
    if (home) home.querySelector(".zoom").focus({ preventScroll: true });
    home = null;
  });
  all(".stage").forEach((stage) => {
    const paper = stage.querySelector(".paper");
    stage.querySelector(".zoom").addEventListener("click", () => enlarge(paper));
    paper.addEventListener("click", () => (lightbox.open ? lightbox.close() : enlarge(paper)));
  });

  // The values of a chart at an x: by pointing at it, or by the slider beside it.
  const shortly = (value) => {
    if (value === null) return "not finite";
    const size = Math.abs(value);
    if (size !== 0 && (size < 0.01 || size >= 10000)) return value.toExponential(2);
    return String(Number(value.toPrecision(4)));
  };
  all(".exhibit.chart").forEach((exhibit) => {
    const name = nameOf(exhibit);
    const chart = dataOf(name);
    const paper = exhibit.querySelector(".paper");
    const xs = [...new Set(chart.series.flatMap((line) => line.points.map((point) => point[0])))].sort((a, b) => a - b);
    const slider = make("input", { type: "range", min: 0, max: xs.length - 1, step: 1, value: xs.length - 1 });
    const at = make("b");
    const rows = make("tbody");
    const heads = ["", "mean", "lowest to highest"].map((text) => make("th", { scope: "col", textContent: text }));
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), rows);
    const readout = document.getElementById("values-" + name);
    readout.append(make("label", {}, chart.x + " ", at, slider), table);
    const cross = make("div", { className: "crosshair", hidden: true });
    paper.append(cross);
    const { from, to, first, last } = paper.dataset;
    const show = (place) => {
      slider.value = place;
      const x = xs[place];
      at.textContent = String(x);
      rows.replaceChildren(...chart.series.map((line) => {
        const point = line.points.find((candidate) => candidate[0] === x);
        const values = point
          ? [shortly(point[1]), shortly(point[2]) + " to " + shortly(point[3])]
          : ["–", ""];
        const cells = values.map((text) => make("td", { textContent: text }));
        return make("tr", {}, make("th", { scope: "row", textContent: line.name }), ...cells);
      }));
      if (from === undefined) return;
      const share = Number(from) + (x - first) / (last - first) * (to - from);
      const drawing = paper.querySelector("svg, img");
      const [box, outer] = [drawing.getBoundingClientRect(), paper.getBoundingClientRect()];
      cross.style.left = box.left - outer.left - paper.clientLeft + share * box.width + "px";
      cross.hidden = false;
    };
    slider.addEventListener("input", () => show(Number(slider.value)));
    paper.addEventListener("pointermove", (event) => {
      if (from === undefined || lightbox.open) return;
      const box = paper.querySelector("svg, img").getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const x = Number(first) + (share - from) / (to - from) * (last - first);
      const distance = (place) => Math.abs(xs[place] - x);
      show(xs.reduce((best, _, place) => (distance(place) < distance(best) ? place : best), 0));
    });
    if (xs.length) show(xs.length - 1);
    cross.hidden = true;
  });

  // Films: the frames of every row side by side, one moment after the other.
  const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const colourOf = (byte, isError) => {
    if (!isError) return [byte, byte, byte];
    const error = (byte - 127) / 127;
    const end = error < 0 ? [33, 102, 172] : [178, 24, 43];
    return end.map((channel) => 255 + (channel - 255) * Math.abs(error));
  };
  const paint = (canvas, frame, isError) => {
    const bytes = bytesOf(frame.pixels);
    [canvas.width, canvas.height] = [frame.width, bytes.length / frame.width];
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    bytes.forEach((byte, i) => image.data.set([...colourOf(byte, isError), 255], 4 * i));
    context.putImageData(image, 0, 0);
  };
  all(".player").forEach((player) => {
    const film = dataOf(player.id.replace(/^player-/, ""));
    const count = Math.max(...film.rows.map((row) => row.frames.length));
    const canvases = film.rows.map((row) => {
      const canvas = make("canvas", { role: "img" });
      canvas.setAttribute("aria-label", row.name);
      return canvas;
    });
    const shown = film.rows.map((row, i) => make("figure", { className: "frame" }, canvases[i], row.name));
    const button = (text, label) => make("button", { type: "button", textContent: text, ariaLabel: label });
    const [back, play, on] = [button("‹", "One frame back"), button("Play", "Play"), button("›", "One frame on")];
    const slider = make("input", { type: "range", min: 0, max: count - 1, step: 1, value: 0, ariaLabel: "Frame" });
    const moment = make("output");
    let timer = null;
    const show = (place) => {
      const now = (place + count) % count;
      slider.value = now;
      moment.textContent = film.titles[now] || "frame " + (now + 1);
      film.rows.forEach((row, i) => {
        const frame = row.frames[now];
        canvases[i].style.visibility = frame ? "visible" : "hidden";
        if (frame) paint(canvases[i], frame, row.is_error);
      });
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = play.ariaLabel = "Play";
    };
    const step = (by) => show(Number(slider.value) + by);
    play.addEventListener("click", () => {
      if (timer !== null) return stop();
      play.textContent = play.ariaLabel = "Pause";
      timer = setInterval(step, 250, 1);
    });
    back.addEventListener("click", () => (stop(), step(-1)));
    on.addEventListener("click", () => (stop(), step(1)));
    slider.addEventListener("input", () => (stop(), show(Number(slider.value))));
    player.append(make("div", { className: "frames" }, ...shown), back, play, on, slider, moment);
    // A canvas has its extents only with its first frame, so that all rows begin with one.
    film.rows.forEach((row, i) => {
      const frame = row.frames.find(Boolean);
      if (frame) paint(canvases[i], frame, row.is_error);
    });
    const missing = (place) => film.rows.filter((row) => !row.frames[place]).length;
    show([...Array(count).keys()].reduce((best, place) => (missing(place) < missing(best) ? place : best), 0));
  });
  document.documentElement.dataset.ready = "yes";
})();
