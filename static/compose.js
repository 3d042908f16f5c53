/* DeepLink: files of a post are sent as soon as they are chosen, dropped or pasted, one after the other, while the post is written.
 * app.js fetches this when a composer is touched. Without it the form sends them itself. */

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const MOST = 4;
const fetched = { 'X-Requested-With': 'fetch' };
const failed = document.querySelector('script[data-show]').dataset.failed;
const parse = html => new DOMParser().parseFromString(html, 'text/html').body.firstElementChild;

export function enhance(form) {
  if (form.dataset.files) return;
  form.dataset.files = '1';
  const list = $('.atts', form), input = $('input[type=file]', form), pieces = $('.atts ~ template', form).content, text = $('textarea', form);
  const queue = [];
  let running = null, pending = null, moving = null, timer;

  const piece = selector => $(selector, pieces).cloneNode(true);
  const told = piece('.told');
  list.after(told);
  const here = () => $$('.att:not(.coming)', list);
  const coming = () => $$('.coming', list);
  const rest = () => $('.att button:not([hidden], [disabled])', list) || text; // where the focus goes when its file has gone

  /* ---- the list: places are in the names of the fields */

  function renumber() {
    here().forEach((item, i, all) => {
      for (const field of $$('[name^=media_], [name^=focus_], [name^=words_]', item)) {
        field.name = field.name.replace(/\d+$/, i + 1);
        if (field.id) $('label', item).htmlFor = field.id = field.name;
      }
      $('[name=up]', item).disabled = i === 0;
      $('[name=down]', item).disabled = i === all.length - 1;
    });
    text.required = list.children.length === 0;
    if (here().length === 0) $('.remind', form)?.remove();
  }

  /* Puts a piece in the place of another, and the focus with it where that had it. */
  function put(old, now) {
    const had = old.contains(document.activeElement);
    old.replaceWith(now);
    if (had) ($('textarea', now) || rest()).focus();
  }

  function ready(item) {
    const aim = $('.aim', item), thumb = $('.thumb', item);
    thumb.draggable = true;
    if (aim) {
      aim.hidden = false;
      mark(item);
    }
  }

  /* ---- what must stay in view: x and y from -1 to 1, y upwards */

  const focusOf = item => $('[name^=focus_]', item).value.split(',').map(Number);

  function mark(item) {
    const [x, y] = focusOf(item), dot = $('.aim i', item);
    dot.style.setProperty('--x', `${(x + 1) * 50}%`);
    dot.style.setProperty('--y', `${(1 - y) * 50}%`);
  }

  function aim(item, x, y) {
    const within = n => Math.max(-1, Math.min(1, n)).toFixed(2);
    $('[name^=focus_]', item).value = `${within(x)},${within(y)}`;
    mark(item);
  }

  /* ---- sending */

  async function preview(file, box) {
    if (!file.type.startsWith('image/')) return;
    const bitmap = await createImageBitmap(file, { resizeWidth: 240, resizeQuality: 'low' }).catch(() => null);
    if (!bitmap || $('canvas', box)) return;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    box.append(canvas);
  }

  /* For who does not see the bar: quarters of the way, and the end. */
  function tell(item, part) {
    const step = Math.floor(part * 4) * 25;
    if (part < 1 && (!step || step === item.step)) return;
    item.step = step;
    told.textContent = `${item.file.name || item.file.type}: ${part < 1 ? `${step} %` : told.dataset.sent}`;
  }

  function wrong(item, words) {
    item.classList.add('failed');
    $('.error', item).textContent = words;
    $('progress', item).hidden = true;
    $('[data-do=again]', item).hidden = false;
    stopWaiting();
  }

  function arrived(item, html) {
    const piece = parse(html);
    if (!piece?.matches('.att')) return wrong(item, failed);
    if (item.file) tell(item, 1);
    const canvas = $('canvas', item);
    if (canvas && piece.hasAttribute('data-waits')) $('.thumb', piece).prepend(canvas);
    put(item, piece);
    ready(piece);
    renumber();
    look(800);
  }

  function next() {
    if (running || queue.length === 0) return running || finish();
    const item = queue.shift(), request = running = new XMLHttpRequest(), body = new FormData();
    body.append('csrf', form.elements.csrf.value);
    body.append('file', item.file, item.file.name);
    request.open('POST', '/media');
    request.setRequestHeader('X-Requested-With', 'fetch');
    request.upload.onprogress = event => {
      if (!event.lengthComputable) return;
      $('progress', item).value = event.loaded / event.total;
      if (event.loaded < event.total) tell(item, event.loaded / event.total);
    };
    request.onload = () => {
      const plain = (request.getResponseHeader('Content-Type') || '').startsWith('text/plain');
      if (request.status >= 200 && request.status < 300) arrived(item, request.responseText);
      else wrong(item, plain ? request.responseText : failed);
    };
    request.onerror = () => wrong(item, $('.lost', pieces).textContent);
    request.onabort = () => item.remove();
    request.onloadend = () => {
      running = null;
      renumber();
      next();
    };
    item.request = request;
    request.send(body);
  }

  function add(files) {
    const some = [...files].slice(0, MOST - list.children.length);
    if (some.length < files.length) note($('.too-many', pieces).textContent);
    for (const file of some) {
      const item = piece('.coming');
      item.file = file;
      $('b', item).textContent = file.name || file.type;
      list.append(item);
      preview(file, $('.thumb', item));
      queue.push(item);
    }
    input.value = '';
    renumber();
    next();
  }

  function note(words) {
    const old = $('.noted', form), error = old || document.createElement('p');
    error.className = 'error noted';
    error.setAttribute('role', 'alert');
    error.textContent = words;
    if (!old) list.after(error);
    setTimeout(() => error.remove(), 8000);
  }

  /* ---- being prepared: asked for until it is done */

  async function look(ms) {
    clearTimeout(timer);
    if (!$('[data-waits]', list)) return;
    timer = setTimeout(async () => {
      for (const item of document.hidden ? [] : $$('[data-waits]', list)) {
        const answer = await fetch(`/media/${item.dataset.id}`, { headers: fetched }).catch(() => null);
        if (!answer?.ok || answer.redirected) continue;
        const now = parse(await answer.text());
        if (!now?.matches('.att')) continue;
        if (now.hasAttribute('data-waits')) {
          $('.thumb p', item)?.replaceWith($('.thumb p', now));
          continue;
        }
        put($('.thumb', item), $('.thumb', now));
        item.removeAttribute('data-waits');
        put($('.does', item), $('.does', now));
        ready(item);
        renumber();
      }
      look(Math.min(ms * 1.3, 5000));
    }, ms);
  }

  function ask(what, item) {
    const body = new FormData();
    body.append('csrf', form.elements.csrf.value);
    body.append(what, item.dataset.id);
    return fetch('/media', { method: 'POST', body, headers: fetched }).catch(() => null);
  }

  async function retry(item) {
    const answer = await ask('retry', item);
    if (answer?.ok) return arrived(item, await answer.text());
    note(failed);
  }

  /* ---- sending the post: when all files are there, and those that want words have them or are to go without */

  function stopWaiting() {
    pending?.removeAttribute('aria-busy');
    pending = null;
  }

  function finish() {
    const button = pending;
    if (!button || coming().length > 0) return;
    stopWaiting();
    delete form.dataset.sent;
    form.requestSubmit(button);
  }

  function remind() {
    const bare = here().filter(item => item.hasAttribute('data-describe') && !$('textarea', item).value.trim());
    if (bare.length === 0) return false;
    const old = $('.remind', form), box = old || piece('.remind');
    if (!old) $('.tools', form).before(box);
    $('[data-do=describe]', box).focus();
    return true;
  }

  form.addEventListener('submit', event => {
    const button = event.submitter, hold = () => {
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    if (button?.name === 'add') {
      hold();
      return input.files.length > 0 ? add(input.files) : input.click();
    }
    if (button?.hasAttribute('formaction')) return;
    if ($('.failed', list)) {
      hold();
      $('.failed [data-do=again]', list).focus();
    } else if (coming().length > 0) {
      hold();
      pending = button || $('.tools button:not([type])', form);
      pending.setAttribute('aria-busy', 'true');
    } else if (button?.dataset.do !== 'anyway' && remind()) hold();
  }, true);

  form.addEventListener('click', event => {
    const button = event.target.closest('button'), item = event.target.closest('.att');
    if (!button) return;
    if (button.dataset.do === 'describe') {
      here().map(one => $('textarea', one)).find(one => !one.value.trim())?.focus();
      return $('.remind', form).remove();
    }
    if (!item) return;
    const does = { up: () => item.previousElementSibling?.before(item), down: () => item.nextElementSibling?.after(item),
      remove: () => {
        ask('remove', item); // it makes room; what a post has already stays until the form is saved
        item.remove();
      },
      retry: () => retry(item) }[button.name];
    if (button.className === 'aim' && event.detail > 0) {
      const box = button.getBoundingClientRect();
      return aim(item, (event.clientX - box.left) / box.width * 2 - 1, 1 - (event.clientY - box.top) / box.height * 2);
    }
    if (button.dataset.do === 'cancel') {
      const at = queue.indexOf(item);
      if (at >= 0) queue.splice(at, 1);
      item.request && item.request === running ? running.abort() : item.remove();
      renumber();
      rest().focus();
      return finish();
    }
    if (button.dataset.do === 'again') {
      item.classList.remove('failed');
      $('.error', item).textContent = '';
      $('progress', item).hidden = false;
      $('[data-do=cancel]', item).focus();
      button.hidden = true;
      queue.push(item);
      return next();
    }
    if (!does) return;
    event.preventDefault();
    does();
    renumber();
    if (button.name === 'remove') rest().focus();
    else if (button.isConnected) (button.disabled ? $(button.name === 'up' ? '[name=down]' : '[name=up]', item) : button).focus();
  });

  form.addEventListener('keydown', event => {
    const step = { ArrowLeft: [-.1, 0], ArrowRight: [.1, 0], ArrowUp: [0, .1], ArrowDown: [0, -.1] }[event.key];
    if (event.target.className !== 'aim' || !step) return;
    event.preventDefault();
    const item = event.target.closest('.att'), [x, y] = focusOf(item);
    aim(item, x + step[0], y + step[1]);
  });

  /* ---- ways in: the field, a drop, a paste; and dragging what is there to another place */

  const brings = event => [...event.dataTransfer?.types || []].includes('Files');
  input.addEventListener('change', () => add(input.files));
  form.addEventListener('paste', event => {
    const files = event.clipboardData.files;
    if (files.length === 0 || event.clipboardData.types.includes('text/plain')) return;
    event.preventDefault();
    add(files);
  });
  form.addEventListener('dragstart', event => {
    moving = event.target.closest?.('.att') || null;
    if (!moving) return;
    event.dataTransfer.effectAllowed = 'move';
    event.dataTransfer.setData('text/x-place', '');
    moving.classList.add('moved');
  });
  form.addEventListener('dragover', event => {
    const over = event.target.closest('.att');
    if (!moving && !brings(event)) return;
    event.preventDefault();
    form.classList.toggle('over', !moving);
    if (!moving || !over || over === moving) return;
    const box = over.getBoundingClientRect();
    event.clientY > box.top + box.height / 2 ? over.after(moving) : over.before(moving);
  });
  form.addEventListener('dragleave', event => { if (!form.contains(event.relatedTarget)) form.classList.remove('over'); });
  form.addEventListener('drop', event => {
    form.classList.remove('over');
    if (!moving && !brings(event)) return;
    event.preventDefault();
    if (!moving) add(event.dataTransfer.files);
  });
  form.addEventListener('dragend', () => {
    moving?.classList.remove('moved');
    moving = null;
    renumber();
  });

  $('.attach', form).open = false; // its summary opens the dialog of the field
  here().forEach(ready);
  if (input.files.length > 0) add(input.files);
  look(800);
}
