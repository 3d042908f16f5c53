/* DeepLink: what changes while a member looks at a page. Without it, or when nothing comes, a reload shows the same. */

const words = document.querySelector('script[data-fresh]').dataset;
const lang = document.documentElement.lang || 'en';
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const MOST = 60; // posts that one stream tells about

let source, last = '', tries = 0, timer, watched = '', over = false;
const versions = new Map();

/* ---- counts below posts */

// As the server says it: one tenth is worth saying below ten thousands or millions.
const unit = (n, one, word) => word.replace('#', (n < 10 * one ? Math.floor(n / one * 10) / 10 : Math.floor(n / one)).toLocaleString(lang, { minimumFractionDigits: n < 10 * one ? 1 : 0 }));
const short = n => n < 1e3 ? String(n) : n < 1e6 ? unit(n, 1e3, words.k) : unit(n, 1e6, words.m);

function count(place, n) {
  if (!place) return;
  const there = $('b', place);
  if (n <= 0) {
    there?.previousSibling?.nodeType === 3 && there.previousSibling.remove();
    there?.remove();
  } else if (there) there.textContent = short(n);
  else place.append(' ', Object.assign(document.createElement('b'), { textContent: short(n) }));
}

function counts({ id, version, likes, reposts, comments }) {
  if (version < (versions.get(id) ?? -1)) return;
  versions.set(id, version);
  for (const acts of $$('.acts')) {
    count($(`[formaction="/posts/${id}/like"], [formaction="/posts/${id}/unlike"], [href="/posts/${id}/likes"]`, acts), likes);
    count($(`[formaction="/posts/${id}/repost"], [formaction="/posts/${id}/unrepost"], [href="/posts/${id}/reposts"]`, acts), reposts);
    count($(`[href$="/${id}#comments"]`, acts), comments);
  }
}

/* ---- the bell, and its number in the window's title */

const title = document.title.replace(/^\(\d+\+?\) /, '');

function badge({ notifications: n }) {
  const text = n > 99 ? '99+' : String(n);
  const mark = $('#bell [data-unread]');
  document.title = n > 0 ? `(${text}) ${title}` : title;
  if (!mark) return;
  ($('span', mark) || mark).textContent = text;
  mark.hidden = n === 0;
}

/* ---- new posts wait above the home timeline until they are asked for */

const isHome = location.pathname === '/' && !location.search && $('#main');
const fresh = new Set();
let line;

function offer() {
  if (!line) {
    line = document.createElement('p');
    line.className = 'fresh';
    line.setAttribute('role', 'status');
    const before = $('.feed') || $('.start');
    before ? before.before(line) : $('#main').append(line);
  }
  if (fresh.size === 0) return line.replaceChildren();
  const button = $('button', line) || document.createElement('button');
  button.type = 'button';
  button.textContent = fresh.size === 1 ? words.one : fresh.has('?') ? words.fresh.replace('# ', '') : words.fresh.replace('#', fresh.size.toLocaleString(lang));
  button.onclick = show;
  if (!button.isConnected) line.append(button);
}

async function show() {
  const feed = $('.feed');
  try {
    const answer = await fetch('/fragment/home', { headers: { 'X-Requested-With': 'fetch' } });
    if (!feed || !answer.ok || answer.redirected) throw answer;
    const posts = $$('article', new DOMParser().parseFromString(await answer.text(), 'text/html').body);
    const known = posts.findIndex(post => document.getElementById(post.id));
    if (known < 0) throw answer; // more than a page is new
    feed.prepend(...posts.slice(0, known));
    fresh.clear();
    offer();
    scrollTo({ top: 0 });
    const first = $('article a.at', feed);
    first?.focus({ preventScroll: true });
  } catch {
    location.assign('/');
  }
}

function update({ id }) {
  if (!isHome || document.getElementById('p' + id)) return;
  fresh.add(id);
  offer();
}

function gone({ id }) {
  if (fresh.delete(id)) offer();
}

/* More was missed than is kept: the bell is read anew, and home offers to be. */
async function missed() {
  if (isHome) {
    fresh.add('?').add('??');
    offer();
  }
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const now = $('#bell [data-unread]', new DOMParser().parseFromString(await answer.text(), 'text/html'));
  if (now) badge({ notifications: now.hidden ? 0 : parseInt(now.textContent, 10) || 0 });
}

/* ---- the stream */

function posts() {
  const ids = new Set();
  for (const button of $$('.acts [formaction^="/posts/"]')) ids.add(button.getAttribute('formaction').split('/')[2]);
  return [...ids].slice(-MOST);
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

function later(ms) {
  clearTimeout(timer);
  if (!over && !document.hidden) timer = setTimeout(open, ms);
}

function open() {
  close();
  const ids = posts(), query = new URLSearchParams();
  watched = ids.join();
  for (const id of ids) query.append('posts[]', id);
  if (last) query.set('last_event_id', last);
  source = new EventSource('/live?' + query);
  const on = (name, act) => source.addEventListener(name, event => {
    if (event.lastEventId) last = event.lastEventId;
    act(JSON.parse(event.data));
  });
  on('ready', () => { tries = 0; });
  on('counts', counts);
  on('badge', badge);
  on('update', update);
  on('delete', gone);
  on('missed', missed);
  on('end', () => { over = true; close(); });
  source.onerror = () => {
    if (source?.readyState !== EventSource.CLOSED) return; // it comes back by itself
    close();
    if (tries++ < 12) later(Math.min(60000, 1000 * 2 ** tries) * (0.5 + Math.random()));
  };
}

/* Browsers open few connections to one host, so a page that nobody sees lets go of its own. */
document.addEventListener('visibilitychange', () => document.hidden ? timer = setTimeout(close, 10000) : source ? clearTimeout(timer) : later(0));
addEventListener('online', () => { tries = 0; later(0); });
addEventListener('pagehide', close);
addEventListener('pageshow', event => event.persisted && later(0));

/* Posts that come later are watched too. */
new MutationObserver(() => {
  if (source && posts().join() !== watched) later(1000);
}).observe($('#main') || document.body, { childList: true, subtree: true });

if (window.EventSource && !document.hidden) open();
