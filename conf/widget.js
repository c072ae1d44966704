/*
 * soporte: a help button in the desk of ERPNext, v13 to v16.  What the desk
 * lacks is left out; no inline style or script, a CSP of 'self' is enough.
 */
(function (w, d) {
'use strict';

var me = d.currentScript,
  base = me && (me.getAttribute('src') || '').split(/[?#]/)[0],
  en = /^en/i.test(d.documentElement.lang),
  error = '', seen, box, link, note, timer;

if (!base || !/\/widget\.js$/.test(base) || w.soporteWidget
    || !/^\/(app|desk)(\/|$)/.test(location.pathname)) return;

w.soporteWidget = 1;
base = base.slice(0, -10);


/* the first that needs nothing which is not there */
function attempt(f) {
  try { return f(); } catch (e) { /* the desk has no such thing */ }
}


function make(parent, tag, css, text) {
  var e = d.createElement(tag), s = e.style;

  s.cssText = 'margin:0;font:600 15px/1.3 system-ui,sans-serif;' + css;
  e.textContent = text || '';

  /* the desk takes outlines away */
  e.onfocus = function () { s.outline = '3px solid #b26a00'; };
  e.onblur = function () { s.outline = 'none'; };

  return parent.appendChild(e);
}


function tab(parent, css, text, href) {
  var a = make(parent, 'a', css, text);

  a.href = href;
  a.target = '_blank';
  a.rel = 'noopener';
  return a;
}


/* what is called a password is masked, as in Frappe's own report */
function mask(text) {
  return text.replace(/((?:pass(?:word|wd)?|pwd|contrase.a|clave|secret|token|api_key)\w*["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&}]+)/gi, '$1*****')
    .replace(/\s+/g, ' ').trim().slice(0, 500);
}


/* a dialog of msgprint, if red or orange, or of a server error */
function look(e) {
  var sign = e.querySelector('.modal-header .indicator'),
    kind = sign ? sign.className : '';

  if (e.classList.contains('show')
      && (/red|orange/.test(kind) || e.classList.contains('msgprint-dialog')
        && (!kind || /hid/.test(kind))))
    error = mask([].map.call(e.querySelectorAll('.modal-title,.modal-body'),
      function (p) { return p.textContent; }).join(': '));
}


function alerted(e) {
  if (e && e.classList && e.classList.contains('red'))
    error = mask(e.textContent);
}


function observe(e, options, f) {
  new MutationObserver(function (list) {
    list.forEach(function (m) { [].forEach.call(m.addedNodes, f); });
    f();
  }).observe(e, options);
}


function watch(e) {
  if (!e || e.nodeType !== 1) return;

  if (e.classList.contains('modal')) {
    look(e);
    observe(e, { attributes: true, attributeFilter: ['class'],
      childList: true, subtree: true }, function () { look(e); });
  }

  if (e.id === 'dialog-container') {
    [].forEach.call(e.querySelectorAll('.desk-alert'), alerted);
    observe(e, { childList: true, subtree: true }, alerted);
  }
}


/* what the portal is told: behind "#", so it is sent with the form only */
function address() {
  var all = attempt(function () { return w.frappe.boot.versions; }) || {},
    user = attempt(function () { return w.frappe.session.user; }),
    route = attempt(function () { return w.frappe.get_route().slice(0, 2); }),
    about = {}, context = about.context = {};

  /* the screen, not the document */
  context.route = (route && route[0] ? route
    : location.pathname.split('/').slice(2, 3)).join('/').slice(0, 140);

  if (all.frappe)
    context.versions = { frappe: all.frappe, erpnext: all.erpnext };
  if (error) context.last_error = error;
  if (/@/.test(user)) about.email = user;

  link.href = base + '#' + encodeURIComponent(JSON.stringify(about));
}


function say(id, text) {
  if (note) note.remove();
  note = 0;
  if (!id || id === seen) return;

  note = make(box, 'div', 'display:flex;gap:8px;max-width:300px;padding:10px;'
    + 'border-radius:12px;background:#fff;border:2px solid #0b5563');
  note.setAttribute('role', 'status');
  tab(note, 'color:#0b5563;text-decoration:underline', text, base + '/estado');

  var close = make(note, 'button', 'border:0;background:none;color:#15252b;'
    + 'min-width:24px;height:24px;cursor:pointer', '×');
  close.type = 'button';
  close.setAttribute('aria-label', en ? 'Close' : 'Cerrar');
  close.onclick = function () { seen = id; say(); };
}


function news(s) {
  var i = s.incidents[0], m = s.scheduled_maintenances[0];

  if (i) say(i.id, i.name);
  else if (m) say(m.id, (en ? 'Maintenance: ' : 'Mantenimiento: ')
    + new Date(m.scheduled_for).toLocaleString(en ? 'en' : 'es-MX',
      { weekday: 'long', day: 'numeric', hour: '2-digit', minute: '2-digit',
        timeZoneName: 'short' }));
  else say();
}


function ask() {
  clearTimeout(timer);
  timer = setTimeout(ask, 9e4 + Math.random() * 6e4);
  if (d.hidden || !w.fetch) return;

  fetch(base + '/api/v2/summary.json', { cache: 'no-store' }).then(function (r) {
    return r.json().then(news);
  }).catch(function () { /* the next time */ });
}


function start() {
  box = make(d.body, 'div', 'position:fixed;right:16px;bottom:16px;'
    + 'z-index:1020;display:flex;flex-direction:column-reverse;'
    + 'align-items:flex-end;gap:8px');
  box.id = 'soporte';

  link = tab(box, 'padding:10px 18px;border-radius:99px;color:#fff;'
    + 'text-decoration:none;border:2px solid #fff;background:#0b5563',
    en ? 'Help' : 'Ayuda', base);

  ['pointerdown', 'keydown', 'click', 'contextmenu'].forEach(function (n) {
    link.addEventListener(n, address);
  });
  address();

  [].forEach.call(d.body.children, watch);
  observe(d.body, { childList: true }, function (e) {
    watch(e);
    if (!d.body.contains(box)) d.body.appendChild(box);
  });

  w.addEventListener('beforeprint', function () { box.style.display = 'none'; });
  w.addEventListener('afterprint', function () { box.style.display = 'flex'; });
  d.addEventListener('visibilitychange', ask);
  ask();
}


if (d.body) start();
else d.addEventListener('DOMContentLoaded', start);
})(window, document);
