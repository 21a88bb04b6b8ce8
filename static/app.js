// What scripts add to pages that work without them.
const root = document.documentElement;
const words = root.dataset;
const find = (selector, inside = document) => inside.querySelector(selector);
const findAll = (selector, inside = document) => [...inside.querySelectorAll(selector)];
const counted = (n, name) => (n === 1 && words[name + "One"]) || words[name].replace("{n}", n.toLocaleString("en"));

// Dialogs, menus, copying

function openDialog(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  findAll("[data-menu][open]").forEach((menu) => (menu.open = false));
  dialog.showModal();
  (find(".dialog-body :is(select, textarea, input:not([type=hidden]))", dialog) ?? find(".dialog-foot [data-close]", dialog))?.focus();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    return copyBySelection(button);
  }
  copied(button);
}

// On plain http there is no clipboard.
function copyBySelection(button) {
  const area = Object.assign(document.createElement("textarea"), { value: button.dataset.copy, className: "sr-only" });
  button.after(area);
  area.select();
  if (document.execCommand("copy")) copied(button);
  area.remove();
  button.focus();
}

function copied(button) {
  const title = button.title;
  button.dataset.done = "";
  button.title = words.textCopied;
  setTimeout(() => {
    delete button.dataset.done;
    button.title = title;
  }, 1500);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  const closer = event.target.closest("[data-close]");
  const copier = event.target.closest("[data-copy]");
  if (opener) {
    event.preventDefault(); // not as a popover: a dialog keeps the focus inside
    openDialog(opener.dataset.dialog);
  } else if (closer?.closest("dialog")?.open) {
    event.preventDefault();
    closer.closest("dialog").close();
  } else if (event.target.matches("dialog[open]") && outside(event)) {
    event.target.close();
  } else if (copier) {
    copy(copier);
  }
  findAll("[data-menu][open]").forEach((menu) => menu.contains(event.target) || (menu.open = false));
});

function outside(event) {
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest("[data-menu][open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});

// The words of a reason are needed with "other".
document.addEventListener("change", ({ target }) => {
  if (target.name === "reason") {
    const own = find("[data-reason-words]", target.parentElement);
    if (own) own.required = target.value === "other";
  }
});

// Keys

let afterG = 0;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return closeMenu();
  const busy = event.target.closest("input, textarea, select, [contenteditable]") && event.target.type !== "checkbox";
  if (busy || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || find("dialog[open]")) return;
  if (afterG > Date.now() - 1000) {
    afterG = 0;
    const link = find(`[data-shortcut="${CSS.escape(event.key)}"]`);
    if (link) event.preventDefault(), link.click();
    return;
  }
  const act = keys[event.key];
  if (act && act() !== false) event.preventDefault();
});

const keys = {
  "/": focusSearch,
  "?": () => openDialog("help"),
  g: () => void (afterG = Date.now()),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: () => currentRow() && (find("[data-select]", currentRow())?.click() ?? false),
};

function focusSearch() {
  const search = find("[data-search]");
  search?.focus();
  search?.select();
}

function closeMenu() {
  const menu = find("[data-menu][open]");
  if (menu) {
    menu.open = false;
    find("summary", menu).focus();
  }
}

const currentRow = () => document.activeElement?.closest("[data-rows] tbody tr");

function moveRow(step) {
  const rows = findAll("[data-rows] tbody tr").filter((row) => find("a, button, input", row));
  const at = rows.indexOf(currentRow());
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1)];
  if (!next) return false;
  (find("a", next) ?? find("button, input", next)).focus();
  next.scrollIntoView({ block: "nearest" });
}

// Rows that are ticked

const boxesOf = (form) => findAll("[data-select]").filter((box) => box.form === form);

function countSelection(form) {
  const boxes = boxesOf(form);
  const ticked = boxes.filter((box) => box.checked).length;
  find("[data-selection-count]", form).textContent = form.dataset.text.replace("{n}", ticked);
  const page = find(`[data-select-page="${CSS.escape(form.id)}"]`);
  if (page) {
    page.checked = ticked > 0 && ticked === boxes.length;
    page.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const all = find("[data-select-all]", form);
  if (all && ticked < boxes.length) all.checked = false;
}

document.addEventListener("change", ({ target }) => {
  const form = target.matches("[data-select-page]") ? document.getElementById(target.dataset.selectPage) : target.form;
  if (!form?.matches("[data-selection]")) return;
  if (target.matches("[data-select-page]") || (target.matches("[data-select-all]") && target.checked)) {
    boxesOf(form).forEach((box) => (box.checked = target.checked));
  }
  countSelection(form);
});

document.addEventListener("reset", ({ target }) => {
  if (target.matches("[data-selection]")) setTimeout(() => countSelection(target));
});

// Times

function refreshTimes() {
  for (const time of findAll("time[data-relative]")) {
    const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    if (minutes >= 60) {
      time.textContent = time.dataset.relative;
      delete time.dataset.relative;
    } else {
      time.textContent = minutes < 1 ? words.textNow : counted(minutes, "textAgo");
    }
  }
}

setInterval(refreshTimes, 30000);

// Live lists: rows wait while somebody points at the list or reads further down.

const mostRows = 200;

document.addEventListener(
  "toggle",
  ({ target: live }) => {
    if (!live.matches?.("[data-live]")) return;
    if (live.open) {
      live.append(find("template", live).content.cloneNode(true));
      htmx.process(find(".live-stream", live));
    } else {
      htmx.swap(find(".live-stream", live), "", { swapStyle: "delete" }); // which also closes the stream
    }
  },
  true,
);

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  const list = event.target;
  if (!list.matches(".live-rows")) return;
  const stream = list.parentElement;
  if (!stream.matches(":hover, :focus-within") && list.getBoundingClientRect().top > 0 && !list.waiting?.length) {
    return setTimeout(() => trim(list));
  }
  event.preventDefault();
  list.waiting = [...(list.waiting ?? []), event.detail.data].slice(-mostRows);
  const pill = find("[data-live-pill]", stream);
  pill.hidden = false;
  pill.textContent = counted(list.waiting.length, "textRows");
});

document.addEventListener("click", ({ target }) => {
  if (!target.matches("[data-live-pill]")) return;
  const list = find(".live-rows", target.parentElement);
  target.hidden = true;
  htmx.swap(list, list.waiting.reverse().join(""), { swapStyle: "afterbegin" });
  list.waiting = [];
  list.scrollIntoView({ block: "nearest" });
  trim(list);
});

const trim = (list) => findAll(":scope > li", list).slice(mostRows).forEach((row) => row.remove());

const sayEnded = (stream, ended) => findAll("[data-live-end]", stream).forEach((line) => (line.hidden = !ended));
document.addEventListener("htmx:sseOpen", ({ target }) => sayEnded(target, false));
document.addEventListener("htmx:sseError", ({ target }) => sayEnded(target, true));
document.addEventListener("htmx:sseClose", ({ target, detail }) => detail.type === "message" && sayEnded(target, true));

// What went wrong with a request of htmx

function toast(text) {
  const box = document.getElementById("toasts");
  if (!box || [...box.children].some((line) => line.textContent === text)) return;
  const line = Object.assign(document.createElement("div"), { className: "toast", textContent: text });
  box.append(line);
  setTimeout(() => line.remove(), 8000);
}

document.addEventListener("htmx:responseError", ({ detail }) => {
  const code = detail.xhr.getResponseHeader("X-Request-Id");
  toast(words.textFailed + (code ? ` ${words.textCode} ${code}` : ""));
});
document.addEventListener("htmx:sendError", () => toast(words.textOffline));

// A picture that does not come leaves its letter.

const failed = (picture) => picture.matches?.(".avatar img") && picture.remove();
document.addEventListener("error", ({ target }) => failed(target), true);
findAll(".avatar img").forEach((picture) => picture.complete && !picture.naturalWidth && failed(picture));

// Charts: what draws them is loaded where there are some.

function loadScript(src) {
  return new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), { src, onload: resolve, onerror: reject }));
  });
}

let charts;

async function drawCharts() {
  if (!find("[data-chart]")) return;
  charts ??= loadScript(words.plot).then(() => import(words.charts));
  (await charts).drawCharts();
}

document.addEventListener("htmx:load", drawCharts);

findAll("[data-selection]").forEach(countSelection); // a page come back to keeps its ticks
