/* DeepLink: what the pages do better with a script. Without it every act works by form and reload. */

const words = document.querySelector('script[data-show]').dataset;
const page = document.documentElement.lang || 'en';
const lang = navigator.languages.find(l => l.split('-')[0] === page.split('-')[0]) || page; // en-GB for en
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/* ---- a short message at the bottom, read aloud too */

function say(text) {
  let box = $('.toast');
  if (!box) {
    box = document.createElement('div');
    box.className = 'toast';
    box.setAttribute('role', 'status');
    document.body.append(box);
  }
  box.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { box.textContent = ''; }, 6000);
}

/* ---- like, repost, bookmark, pin, follow in place: the answer is the piece of the page that changed */

const inPlace = /^\/(posts|members)\/\d+\/(un)?(like|repost|bookmark|pin|follow|block)$/;
const subject = address => address.split('/').slice(0, 3).join('/') + '/';
const kind = address => address.split('/')[3].replace(/^un/, '');

function swap(box, address, html) {
  const piece = new DOMParser().parseFromString(html, 'text/html').body.firstElementChild;
  if (!piece || piece.className !== box.className) return location.reload();
  const focused = box.contains(document.activeElement);
  const others = $$('.' + box.className).filter(o => o !== box && $(`[formaction^="${subject(address)}"]`, o));
  box.replaceWith(piece);
  others.forEach(o => o.replaceWith(piece.cloneNode(true)));
  if (!focused) return;
  const next = $(`[formaction$="${kind(address)}"]`, piece) || $('button, summary, a', piece);
  (next?.closest('.menu')?.firstElementChild || next)?.focus(); // a menu is closed then, and its button stays
}

async function act(button, box, address) {
  button.setAttribute('aria-busy', 'true');
  try {
    const body = new URLSearchParams(new FormData(document.getElementById('act')));
    const answer = await fetch(address, { method: 'POST', body, headers: { 'X-Requested-With': 'fetch' } });
    if (answer.redirected) return location.assign(answer.url);
    const text = await answer.text();
    if (answer.ok) return swap(box, address, text);
    say((answer.headers.get('Content-Type') || '').startsWith('text/plain') ? text : words.failed);
  } catch {
    say(words.failed);
  }
  button.removeAttribute('aria-busy');
}

document.addEventListener('click', event => {
  const button = event.target.closest('button[form=act]');
  if (!button) return;
  const address = button.getAttribute('formaction');
  if (address === '/logout') sessionStorage.clear();
  const box = button.closest('.acts, .does');
  if (!box || !inPlace.test(address)) return;
  event.preventDefault();
  if (!button.hasAttribute('aria-busy')) act(button, box, address);
});

/* ---- menus close by a click elsewhere and by Escape */

document.addEventListener('click', event => {
  for (const menu of $$('.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener('keydown', event => {
  const menu = event.key === 'Escape' && $('.menu[open]');
  if (!menu) return;
  menu.open = false;
  menu.firstElementChild.focus();
});

/* ---- pictures open in a dialog, loops play: what that takes comes when there are some */

/* The style of what a script makes, once. */
function sheet() {
  if ($(`link[href="${words.sheet}"]`)) return Promise.resolve();
  const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: words.sheet });
  document.head.append(link);
  return new Promise(done => { link.onload = link.onerror = done; });
}

const gallery = () => sheet().then(() => import(words.gallery));

document.addEventListener('click', event => {
  const link = event.target.closest('a.shot[href^="/posts/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !window.HTMLDialogElement) return;
  event.preventDefault();
  gallery().then(g => g.show(link), () => location.assign(link.href));
});

const liven = () => $('video.loop') && gallery().then(g => g.play(document));
liven();

/* ---- writing: the field grows, says when the end is near, and keeps the draft until it is sent */

const letters = text => Intl.Segmenter ? [...new Intl.Segmenter(lang).segment(text)].length : [...text].length;

function measure(field) {
  if (!CSS.supports('field-sizing', 'content')) {
    field.style.height = 'auto';
    field.style.height = field.scrollHeight + 2 + 'px';
  }
  const max = Number(field.dataset.max);
  const out = max && $(`output[for="${field.id}"]`);
  if (!out) return;
  const left = field.value.length > max * 0.8 ? max - letters(field.value) : max;
  const near = left <= Math.max(50, max * 0.1);
  out.textContent = near ? (left < 0 ? words.over : words.left).replace('#', Math.abs(left).toLocaleString(lang)) : '';
  out.classList.toggle('over', left < 0);
}

function keepDraft(field) {
  const form = field.form;
  const key = `draft ${form.getAttribute('action')} ${form.elements.in_reply_to?.value || ''}`;
  const sent = sessionStorage.getItem(key + ' sent');
  sessionStorage.removeItem(key + ' sent');
  if (sent && !field.value && performance.getEntriesByType('navigation')[0]?.type !== 'back_forward') sessionStorage.removeItem(key);
  if (!field.value) field.value = sessionStorage.getItem(key) || '';
  field.addEventListener('input', () => field.value ? sessionStorage.setItem(key, field.value) : sessionStorage.removeItem(key));
  form.addEventListener('submit', () => sessionStorage.setItem(key + ' sent', '1'));
}

for (const field of $$('textarea')) {
  if (field.closest('.composer') && field.dataset.keep !== 'no') keepDraft(field);
  field.addEventListener('input', () => measure(field));
  field.addEventListener('keydown', event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) field.form.requestSubmit();
  });
  measure(field);
}

/* Files in it: what they take comes when the composer is touched, or has some already. */
for (const form of $$('.composer')) {
  const field = $('[type=file]', form);
  const enhance = () => sheet().then(() => import(words.compose)).then(c => c.enhance(form));
  if (!field) continue;
  if ($('.att, [autofocus]', form)) enhance();
  for (const type of ['focusin', 'pointerdown', 'dragenter', 'change']) form.addEventListener(type, enhance, { once: true });
  $('.attach > summary', form).addEventListener('click', event => {
    event.preventDefault();
    field.click();
  });
}

/* ---- forms: sent once, passwords can be looked at, what is wrong is read first */

document.addEventListener('submit', event => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = '1';
  setTimeout(() => delete form.dataset.sent, 3000);
  for (const field of $$('.peek input', form)) field.type = 'password';
});

for (const field of $$('input[type=password]')) {
  const box = document.createElement('span');
  const button = document.createElement('button');
  box.className = 'peek';
  button.type = 'button';
  button.setAttribute('aria-controls', field.id);
  const show = on => {
    field.type = on ? 'text' : 'password';
    button.textContent = on ? words.hide : words.show;
    button.setAttribute('aria-label', `${button.textContent}: ${field.labels[0]?.textContent || ''}`);
  };
  button.addEventListener('click', () => show(field.type === 'password'));
  field.replaceWith(box);
  box.append(field, button);
  show(false);
}

for (const field of $$('input[readonly]')) field.addEventListener('focus', () => field.select());
document.getElementById('errors')?.focus();
// The present place is in the middle of the list of places; the page stays where it is.
const here = $('.desk > .links [aria-current]'), places = here?.parentElement;
if (here) {
  const a = here.getBoundingClientRect(), b = places.getBoundingClientRect();
  places.scrollBy({ left: a.left - b.left - (b.width - a.width) / 2, top: a.top - b.top - (b.height - a.height) / 2, behavior: 'instant' });
}

/* ---- times in the reader's zone, short ones kept right */

const full = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });
const unitDisplay = /^en\b/.test(lang) ? 'narrow' : 'short'; // as the server says it: 3h, 3 Std.
const unit = (n, name) => new Intl.NumberFormat(lang, { style: 'unit', unit: name, unitDisplay }).format(n);

function ago(date) {
  const minutes = Math.floor((Date.now() - date) / 60000);
  if (minutes < 1) return new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(0, 'second');
  if (minutes < 60) return unit(minutes, 'minute');
  if (minutes < 1440) return unit(Math.floor(minutes / 60), 'hour');
  if (minutes < 10080) return unit(Math.floor(minutes / 1440), 'day');
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  return date.toLocaleDateString(lang, { day: 'numeric', month: 'short', year });
}

function tell(root) {
  for (const time of $$('time[datetime]', root)) {
    const date = new Date(time.dateTime);
    if (isNaN(date)) continue;
    if ('day' in time.dataset) time.textContent = date.toLocaleDateString(lang, { dateStyle: 'medium' });
    else if ('full' in time.dataset) time.textContent = full.format(date);
    else {
      time.textContent = ago(date);
      time.title = full.format(date);
    }
  }
}
tell(document);
setInterval(() => document.hidden || tell(document), 60000);

/* ---- older posts come by themselves; each page keeps its address, for reload, sharing and the back button */

const first = location.href;

async function more(link) {
  const pager = link.closest('.pager');
  const address = link.href;
  link.textContent = words.loading;
  try {
    const answer = await fetch(link.dataset.fragment || address, { headers: { 'X-Requested-With': 'fetch' } });
    if (!answer.ok || answer.redirected) throw answer;
    const doc = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const tree = $('.tree', pager.parentElement); /* a thread's comments: the list grows, its pager stays behind it */
    const nodes = [...($(tree ? '.tree' : '.feed', doc) || doc.body).children].filter(n => !n.id || !document.getElementById(n.id));
    for (const back of nodes.flatMap(n => $$('[rel=prev]', n))) back.remove();
    if (nodes[0]) nodes[0].dataset.page = address;
    if (tree) {
      tree.append(...nodes);
      pager.replaceWith(...$$('.comments > .pager', doc));
    } else pager.replaceWith(...nodes);
    nodes.forEach(tell);
    liven();
    watchPager();
  } catch {
    location.assign(address);
  }
}

const near = window.IntersectionObserver && new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    near.unobserve(entry.target);
    more(entry.target);
  }
}, { rootMargin: '900px' });

function watchPager() {
  const link = $('.feed > .pager [rel=next], .comments > .pager [rel=next]');
  if (near && link && !navigator.connection?.saveData) near.observe(link);
}
watchPager();

let scrolling = false;
addEventListener('scroll', () => {
  if (scrolling) return;
  scrolling = true;
  setTimeout(() => {
    scrolling = false;
    const passed = $$('[data-page]').filter(post => post.getBoundingClientRect().top < innerHeight / 2).pop();
    const address = passed ? passed.dataset.page : first;
    if (address !== location.href && $('[data-page]')) history.replaceState(history.state, '', address);
  }, 200);
}, { passive: true });

/* A long post that is folded again stays in sight. */
document.addEventListener('toggle', event => {
  if (event.target.className === 'fold' && !event.target.open) event.target.closest('.post')?.scrollIntoView({ block: 'nearest' });
}, true);
