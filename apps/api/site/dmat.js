/* Banners, in-app messages and tests of pages of DMAT on your site. Loads nothing else, evaluates nothing, writes text as text. */
(() => {
  "use strict";
  const me = document.currentScript, config = __CONFIG__;
  if (!me || window.dmat) return;
  const base = new URL(me.src, location.href).origin;
  const refuses = navigator.doNotTrack === "1" || navigator.globalPrivacyControl === true;
  let agreed = !config.asksConsent && me.dataset.consent !== "ask", token = me.dataset.identify || "", asked = "";
  const told = new Set(), open = new Map();

  const recall = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* no storage: for this page only */ } };
  const seen = () => (recall("dmat_seen") || "").split(" ").filter(Boolean);

  let ownId = "";
  const clientId = () => {
    const google = document.cookie.match(/(?:^|; )_ga=GA\d\.\d+\.(\d+\.\d+)/);
    ownId = (google && google[1]) || recall("dmat_id") || ownId ||
      `${crypto.getRandomValues(new Uint32Array(1))[0]}.${Math.floor(Date.now() / 1000)}`;
    if (!google) keep("dmat_id", ownId);
    return ownId;
  };

  const tell = (message, kind) => {
    if (told.has(message.view + kind)) return;
    told.add(message.view + kind);
    if (kind === "shown" && message.channel === "in_app") keep("dmat_seen", [...seen(), message.id].slice(-50).join(" "));
    const body = JSON.stringify({ view: message.view, kind, client_id: clientId(), page: location.pathname });
    if (!navigator.sendBeacon || !navigator.sendBeacon(`${base}/api/web/events`, body))
      fetch(`${base}/api/web/events`, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(() => {});
  };

  const report = (test, kind, form) => {
    const body = JSON.stringify({ test: test && test.key, kind, form, client_id: clientId(), page: location.pathname });
    if (!navigator.sendBeacon || !navigator.sendBeacon(`${base}/api/web/tests/events`, body))
      fetch(`${base}/api/web/tests/events`, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(() => {});
  };
  const marked = (name, key) => [...document.querySelectorAll(`[data-dmat-${name}]`)].filter((node) => node.getAttribute(`data-dmat-${name}`) === key);

  const make = (name, attributes, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children.filter(Boolean));
    return node;
  };
  const address = (url) => { /* only what a link may be, whatever the answer says */
    try { const full = new URL(url, location.href); return /^https?:$/.test(full.protocol) ? full.href : ""; } catch { return ""; }
  };

  const build = (message, close) => {
    const say = message.content, link = say.url && address(say.url), image = say.image_url && address(say.image_url);
    const title = say.title && make("h2", { id: "title" }, say.title);
    const body = say.body && make("p", { id: "body" }, say.body);
    const action = link && make("a", { class: "action", href: link, part: "action" }, say.button_text || say.title || link);
    if (action) action.addEventListener("click", () => { tell(message, "clicked"); close(false); });
    const shut = make("button", { class: "close", type: "button", "aria-label": config.close }, "\u00d7");
    shut.addEventListener("click", () => close(true));
    const picture = image && make("img", { src: image, alt: say.image_alt || "", loading: "lazy" });
    return [picture, make("div", { class: "words" }, title, body), action, shut];
  };

  const watch = (node, message) => {
    const eye = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) { eye.disconnect(); tell(message, "shown"); }
    }, { threshold: 0.25 });
    eye.observe(node);
  };

  const show = (message) => {
    const host = make("div", { "data-dmat": message.channel });
    const root = host.attachShadow({ mode: "open" }), sheet = new CSSStyleSheet();
    sheet.replaceSync(config.style);
    root.adoptedStyleSheets = [sheet];
    const modal = message.position === "modal" || message.position === "full_screen";
    const before = document.activeElement;
    const close = (byHand) => {
      if (!host.isConnected) return;
      if (byHand) tell(message, "closed");
      host.remove();
      open.delete(message.id);
      if (modal && before && before.focus) before.focus();
    };
    const say = message.content, named = say.title ? { "aria-labelledby": "title" } : { "aria-label": say.body.slice(0, 80) };
    const frame = make(modal ? "dialog" : "section", { class: `frame ${message.position}`, part: "frame", ...named }, ...build(message, close));
    if (modal && say.body) frame.setAttribute("aria-describedby", "body");
    if (modal) {
      frame.addEventListener("cancel", (event) => { event.preventDefault(); close(true); });
      frame.addEventListener("click", (event) => { if (event.target === frame) close(true); });
      frame.addEventListener("keydown", (event) => trap(event, root));
    } else frame.addEventListener("keydown", (event) => { if (event.key === "Escape") close(true); });
    root.append(frame);
    if (message.position === "top") document.body.prepend(host); else document.body.append(host);
    if (modal) frame.showModal();
    open.set(message.id, close);
    watch(frame, message);
  };

  const trap = (event, root) => {
    if (event.key !== "Tab") return;
    const stops = [...root.querySelectorAll("a[href], button")], first = stops[0], last = stops[stops.length - 1];
    if (event.shiftKey ? root.activeElement === first : root.activeElement === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  };

  const apply = (test) => {
    const parts = marked("test", test.key).filter((node) => node.hasAttribute("data-dmat-arm"));
    const isMine = (node) => node.getAttribute("data-dmat-arm") === test.arm;
    if (parts.length && !parts.some(isMine)) return; /* the page has no such version: it stays as it is */
    for (const node of parts) node.hidden = !isMine(node);
    if (test.counted) report(test, "seen");
    for (const node of marked("goal", test.key)) {
      if (told.has(node)) continue;
      told.add(node);
      node.addEventListener("click", () => report(test, "clicked"));
    }
    const to = test.url && address(test.url);
    if (to && to.split("#")[0] !== location.href.split("#")[0]) {
      const there = new URL(to);
      if (!there.search) there.search = location.search;
      location.replace(there.href);
    }
  };

  const vary = async () => {
    if (!document.querySelector("[data-dmat-test]")) return;
    for (const field of document.querySelectorAll("form input[name=client_id]")) if (!field.value) field.value = clientId();
    const query = new URLSearchParams({ client_id: clientId(), page: location.pathname });
    try {
      const answer = await fetch(`${base}/api/web/tests?${query}`, { credentials: "omit", referrerPolicy: "no-referrer" });
      if (answer.ok && agreed) for (const test of (await answer.json()).tests) apply(test);
    } catch { /* the page stays as it is */ }
  };

  const ask = async () => {
    const page = location.pathname;
    if (refuses || !agreed || asked === page + token) return;
    asked = page + token;
    vary();
    const query = new URLSearchParams({ client_id: clientId(), page, ...(token && { token }) });
    try {
      const answer = await fetch(`${base}/api/web/messages?${query}`, { credentials: "omit", referrerPolicy: "no-referrer" });
      if (!answer.ok) return;
      for (const message of (await answer.json()).messages) {
        if (open.has(message.id)) continue;
        if (message.channel === "in_app" && seen().includes(message.id)) tell(message, "shown"); /* its word got lost */
        else show(message);
      }
    } catch { /* the site goes on without us */ }
  };

  window.dmat = Object.freeze({
    version: config.version,
    clientId: () => (refuses || !agreed ? "" : clientId()),
    consent: (yes) => { agreed = yes === true; if (agreed) ask(); else { for (const close of [...open.values()]) close(false); asked = ""; } },
    identify: (given) => { token = String(given || ""); ask(); },
    refresh: () => { asked = ""; ask(); },
    formSent: (form) => { if (!refuses && agreed) report(null, "sent", String(form || "")); },
  });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ask, { once: true }); else ask();
})();
