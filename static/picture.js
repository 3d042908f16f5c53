/* DeepLink: picture and banner. Shows what was chosen as it will be cut, lets a click say what must stay in it, and looks whether
 * what was sent is ready. Without it the form does the same by its fields. */

const $ = (selector, root = document) => root.querySelector(selector);
const SIZES = { avatar: [192, 192], banner: [600, 200] };

function enhance(section) {
  const input = $('[type=file]', section), focus = $('[name=focus_1]', section);
  const [width, height] = SIZES[section.id];
  let bitmap, canvas;

  /* The part of the picture that has this shape and is nearest to the point. */
  function draw() {
    const [x, y] = focus.value.split(',').map(Number);
    const scale = Math.max(width / bitmap.width, height / bitmap.height), w = width / scale, h = height / scale;
    canvas.getContext('2d').drawImage(bitmap, (bitmap.width - w) * (x + 1) / 2, (bitmap.height - h) * (1 - y) / 2, w, h, 0, 0, width, height);
  }

  input.addEventListener('change', async () => {
    bitmap = input.files[0] && await createImageBitmap(input.files[0]).catch(() => null);
    canvas?.remove();
    if (!bitmap) return;
    canvas = Object.assign(document.createElement('canvas'), { width, height, className: `cut ${section.id}` });
    focus.closest('.field').append(canvas);
    draw();
    canvas.addEventListener('click', event => {
      const box = canvas.getBoundingClientRect(), [x, y] = focus.value.split(',').map(Number);
      const near = (now, by) => Math.max(-1, Math.min(1, now + by)).toFixed(2);
      const value = `${near(x, (event.clientX - box.left) / box.width - .5)},${near(y, .5 - (event.clientY - box.top) / box.height)}`;
      let own = $('[data-own]', focus);
      if (!own) focus.append(own = new Option('…', value));
      own.dataset.own = '1';
      own.value = value;
      own.selected = true;
      draw();
    });
  });
  focus.addEventListener('change', () => bitmap && draw());
}

/* The page is read again until nothing waits any more; what is being typed stays. */
async function look(ms) {
  if (!$('[data-waits]')) return;
  await new Promise(done => setTimeout(done, ms));
  const answer = document.hidden ? null : await fetch(location.pathname).catch(() => null);
  const now = answer?.ok && new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const section of now ? document.querySelectorAll('[data-waits]') : []) {
    const fresh = now.getElementById(section.id);
    if (!fresh || fresh.hasAttribute('data-waits')) continue;
    section.replaceWith(fresh);
    enhance(fresh);
  }
  look(Math.min(ms * 1.3, 5000));
}

for (const section of document.querySelectorAll('.picture')) enhance(section);
look(1000);
