/*
 * soporte: what the help form and the message form do beyond what HTML does
 * by itself: drafts, progress of uploads, errors without a new page, what the
 * widget told.  A page may say it in other words: data- attributes of #say.
 */
(function (w, d) {
'use strict';

var f = d.getElementById('f-form'), say = d.getElementById('say'),
  box = d.getElementById('ctx'), list = d.getElementById('errores'),
  en = d.documentElement.lang === 'en',
  key = 'soporte ' + (f && f.getAttribute('action')),
  kept = ['subject', 'description', 'category', 'email', 'name', 'phone',
    'message'],
  bar, sent, dirty, timer,

  words = {
    sending: ['Enviando…', 'Sending…'],
    fix: ['Aún no se envió: corrige lo marcado.',
      'Not sent yet: correct what is marked.'],
    offline: ['Sin conexión. Tu texto queda guardado en este equipo; envíalo'
      + ' cuando vuelva.', 'No connection. Your text is kept on this device;'
      + ' send it when the connection is back.'],
    online: ['Ya hay conexión: puedes enviar.',
      'You are connected again: you can send.'],
    failed: ['No se pudo enviar. Tu texto queda guardado; inténtalo de nuevo'
      + ' o llámanos.', 'It could not be sent. Your text is kept; try again'
      + ' or call us.'],
    draft: ['Recuperamos lo que habías escrito.',
      'We brought back what you had written.'],
    discard: ['Borrarlo', 'Discard it'],
    progress: ['Avance del envío', 'Progress of sending'],
    context: ['Enviar también estos datos técnicos',
      'Send these technical details too'],
    route: ['Pantalla', 'Screen'],
    versions: ['Versiones', 'Versions'],
    last_error: ['Último error que viste', 'Last error that you saw']
  };

if (!f || !say || !w.FormData || !FormData.prototype.entries) return;


function attempt(g) {
  try { return g(); } catch (e) { /* storage may be forbidden */ }
}


function word(name) {
  return say.dataset[name] || words[name] && words[name][+en] || name;
}


function tell(name) {
  say.textContent = name ? word(name) : '';
}


function make(parent, tag, text, before) {
  var e = d.createElement(tag);

  e.textContent = text || '';
  return parent.insertBefore(e, before || null);
}


function value(name, text) {
  var e = f.elements[name];

  if (!e) return '';
  if (text === undefined) return e.value || '';
  if (!e.length) { e.value = text; return; }

  [].forEach.call(e, function (r) {
    if (r.value !== text) return;
    r.checked = true;
    if (r.closest('details')) r.closest('details').open = true;
  });
}


/* drafts: kept for a day, in this browser, until they are sent */

function save() {
  var draft = { at: Date.now() }, some;

  kept.forEach(function (n) {
    draft[n] = value(n);
    some = some || /^(subject|description|message)$/.test(n) && draft[n];
  });

  if (some) store(draft);
  else forget();
}


function store(draft) {
  attempt(function () { localStorage.setItem(key, JSON.stringify(draft)); });
}


function forget() {
  attempt(function () { localStorage.removeItem(key); });
}


function restore() {
  var note, button,
    draft = attempt(function () { return JSON.parse(localStorage[key]); });

  if (list || !draft || Date.now() - draft.at > 864e5
      || value('subject') || value('description') || value('message')) return;

  kept.forEach(function (n) {
    if (typeof draft[n] === 'string' && !(n === 'email' && value(n)))
      value(n, draft[n]);
  });

  note = make(f, 'p', word('draft') + ' ', say);
  note.className = 'n y';
  button = make(note, 'button', word('discard'));
  button.type = 'button';
  button.className = 'o';
  button.onclick = function () {
    forget();
    note.remove();
    f.reset();
  };
}


/* what the widget put behind "#": shown before it is sent */

function context() {
  var all, label, dl, input,
    about = attempt(function () {
      return JSON.parse(decodeURIComponent(location.hash.slice(1)));
    });

  if (!about || typeof about !== 'object' || !box) return;

  history.replaceState(null, '', location.pathname + location.search);

  if (typeof about.email === 'string' && !value('email'))
    value('email', about.email);

  input = f.elements.context;

  if (!input) {
    label = make(box, 'label');
    input = make(label, 'input');
    input.type = 'checkbox';
    input.name = 'context';
    input.checked = true;
    label.appendChild(d.createTextNode(' ' + word('context')));
    make(box, 'dl');
    box.hidden = false;
  }

  dl = box.querySelector('dl');
  all = attempt(function () { return JSON.parse(input.value); }) || {};

  ['route', 'versions', 'last_error'].forEach(function (n) {
    var it = (about.context || {})[n];

    if (!it) return;

    all[n] = it;
    make(dl, 'dt', word(n));
    make(dl, 'dd', typeof it === 'string' ? it : Object.keys(it)
      .map(function (k) { return k + ' ' + it[k]; }).join(', '));
  });

  input.value = JSON.stringify(all);
}


/* errors beside their fields, as the server would show them */

function clear() {
  [].forEach.call(f.querySelectorAll('.e'), function (e) {
    if (e !== say) e.remove();
  });
  [].forEach.call(f.querySelectorAll('[aria-describedby]'), function (e) {
    e.removeAttribute('aria-invalid');
    e.removeAttribute('aria-describedby');
  });
  if (list) list.remove();
  list = null;
}


function show(errors) {
  var first;

  tell('fix');

  Object.keys(errors).forEach(function (n) {
    var p, e = d.getElementById('f-' + n), set = e && e.tagName === 'FIELDSET';

    if (!e) { say.textContent = errors[n]; return; }

    p = make(set ? e : e.parentNode, 'p', errors[n], set ? e.children[1] : e);
    p.className = 'e';
    p.id = 'e-' + n;

    if (!set) e.setAttribute('aria-invalid', 'true');
    e.setAttribute('aria-describedby', p.id);
  });

  first = f.querySelector('[aria-describedby]');
  if (first) first.focus();
}


/* the answer of the server, or of nobody: status 0 */

function answer(x) {
  var draft, a = attempt(function () { return JSON.parse(x.response); }) || {};

  sent = 0;
  if (bar) bar.remove();
  bar = null;

  if (x.status === 201 && a.url) {
    forget();
    sent = 1;
    attempt(function () { sessionStorage[key] = f.elements.nonce.value; });
    location.assign(a.url);

  } else if (x.status === 422 && a.errors && !a.errors.form) {
    show(a.errors);

  } else if (x.status === 422) {

    /* an old token, or a doubt whether it is a person: as without script */
    draft = attempt(function () { return JSON.parse(localStorage[key]); });
    if (draft) { draft.sent = 1; store(draft); }
    sent = 1;
    f.submit();

  } else {
    tell(x.status ? a.detail || 'failed' : 'offline');
  }
}


function progress(e) {
  if (!e.lengthComputable || e.total < 65536) return;

  if (!bar) {
    bar = make(f, 'progress', '', say);
    bar.max = 100;
    bar.setAttribute('aria-label', word('progress'));
  }

  bar.value = e.loaded / e.total * 100;
}


function send(event) {
  var x = new XMLHttpRequest(), button = event.submitter, all;

  if (button && button.hasAttribute('formaction')) return;

  event.preventDefault();
  if (sent) return;

  save();
  clear();

  if (navigator.onLine === false) return tell('offline');

  sent = 1;
  tell('sending');

  all = new FormData(f);
  if (button && button.name) all.append(button.name, button.value);

  x.open('POST', f.action);
  x.setRequestHeader('Accept', 'application/json');
  x.onloadend = function () { answer(x); };
  x.upload.onprogress = progress;
  x.send(/multipart/.test(f.enctype) ? all : new URLSearchParams(all));
}


/* without a name for the button that was pressed the form goes its own way */

if (w.SubmitEvent && 'submitter' in SubmitEvent.prototype)
  f.addEventListener('submit', send);

f.addEventListener('input', function () {
  dirty = 1;
  clearTimeout(timer);
  timer = setTimeout(save, 300);
});
w.addEventListener('pagehide', function () { if (dirty && !sent) save(); });
w.addEventListener('pageshow', function (e) {
  if (e.persisted) { sent = 0; tell(); }
});
w.addEventListener('online', function () {
  if (say.textContent === word('offline')) tell('online');
});

[].forEach.call(f.querySelectorAll('.q+div a'), function (a) {
  a.target = '_blank';
});

/* back in a form that was sent, the browser fills it in: it is the same one */

attempt(function () {
  if (performance.getEntriesByType('navigation')[0].type === 'back_forward'
      && sessionStorage[key])
    f.elements.nonce.value = sessionStorage[key];
});

if (list) list.focus();
restore();
context();
})(window, document);
