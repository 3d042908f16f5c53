/* DeepLink: pictures of a post in a dialog, in place of the page that the link leads to; loops that play while they are seen.
 * app.js fetches it when there is something to show. */

const $ = (selector, root = document) => root.querySelector(selector);
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const words = document.querySelector('script[data-show]').dataset;
let viewer, from, start;

/* ---- the dialog */

async function load(address) {
  const answer = await fetch(address, { headers: { 'X-Requested-With': 'fetch' } });
  if (!answer.ok || answer.redirected) throw answer;
  const piece = new DOMParser().parseFromString(await answer.text(), 'text/html').body.firstElementChild;
  const image = $('img', piece);
  viewer.replaceChildren(piece);
  viewer.setAttribute('aria-label', image?.alt || $('video', piece)?.getAttribute('aria-label') || '');
  viewer.dataset.at = address;
}

async function go(address, rel) {
  try {
    await load(address);
    ($(`[rel=${rel}]`, viewer) || $('.close', viewer))?.focus();
  } catch {
    location.assign(address);
  }
}

const turn = rel => {
  const link = $(`[rel=${rel}]`, viewer);
  if (link) go(link.getAttribute('href'), rel);
};

function make() {
  viewer = document.createElement('dialog');
  viewer.className = 'viewer';
  document.body.append(viewer);
  viewer.addEventListener('click', event => {
    const link = event.target.closest('a');
    if (!link && !event.target.closest('img, video, figcaption')) return viewer.close();
    if (!link || !(link.rel || link.classList.contains('close'))) return;
    event.preventDefault();
    link.rel ? go(link.getAttribute('href'), link.rel) : viewer.close();
  });
  viewer.addEventListener('keydown', event => {
    if (event.target.closest('video')) return; // it has keys of its own
    const forth = document.dir === 'rtl' ? 'ArrowLeft' : 'ArrowRight', back = document.dir === 'rtl' ? 'ArrowRight' : 'ArrowLeft';
    if (event.key === forth) turn('next');
    if (event.key === back) turn('prev');
  });
  viewer.addEventListener('pointerdown', event => { start = event.isPrimary ? event : null; });
  viewer.addEventListener('pointerup', event => {
    const [x, y] = start ? [event.clientX - start.clientX, event.clientY - start.clientY] : [0, 0];
    if (event.pointerType !== 'mouse' && Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y)) turn((x < 0) === (document.dir !== 'rtl') ? 'next' : 'prev');
  });
  viewer.addEventListener('dragstart', event => event.preventDefault());
  viewer.addEventListener('close', () => {
    viewer.replaceChildren();
    document.documentElement.classList.remove('still');
    from?.focus();
  });
}

export async function show(link) {
  if (!viewer) make();
  from = link;
  try {
    await load(link.getAttribute('href'));
    viewer.showModal();
    document.documentElement.classList.add('still');
    ($('[rel=next]', viewer) || $('.close', viewer)).focus();
  } catch {
    location.assign(link.href);
  }
}

/* ---- loops: they play while they are in sight, unless the reader wants it calm; a button stops them */

const seen = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) target.pause();
    else if (!calm.matches && !target.dataset.stopped) target.play().catch(() => {});
  }
}, { threshold: .5 });

function liven(video) {
  const button = document.createElement('button');
  const say = () => { button.textContent = video.paused ? words.play : words.pause; };
  button.type = 'button';
  button.className = 'beat';
  button.addEventListener('click', () => {
    video.dataset.stopped = video.paused ? '' : '1';
    video.paused ? video.play() : video.pause();
  });
  video.addEventListener('play', say);
  video.addEventListener('pause', say);
  video.controls = false;
  video.classList.remove('loop');
  video.after(button);
  say();
  seen.observe(video);
}

export function play(root) {
  for (const video of root.querySelectorAll('video.loop')) liven(video);
}
