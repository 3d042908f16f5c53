/* Settings: push in this browser, by a service worker of its own, and the reader's time zone. */

const words = document.querySelector('script[data-worker]').dataset;
const box = document.querySelector('[data-push]');
const on = box.querySelector('[data-push-on]');
const off = box.querySelector('[data-push-off]');
const address = '/api/deeplink/v1/me/push';

const zone = document.querySelector('input[data-guess]');
if (zone && zone.value === 'UTC') zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;

const ask = (method, body) => fetch(address, {
  method,
  headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': box.dataset.csrf },
  body: body && JSON.stringify(body),
});

function show(isOn, text) {
  on.hidden = isOn;
  off.hidden = !isOn;
  box.querySelector('[data-push-state]').textContent = text || (isOn ? words.on : words.off);
}

const bytes = text => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));
const same = (key, bytes_) => key && new Uint8Array(key).every((b, i) => b === bytes_[i]);

async function subscribe() {
  const key = bytes(box.dataset.push);
  const registration = await navigator.serviceWorker.register(words.worker);
  let has = await registration.pushManager.getSubscription();
  if (has && !same(has.options.applicationServerKey, key)) { // of another key: a site that began anew
    await has.unsubscribe();
    has = null;
  }
  await new Promise(resolve => {
    const worker = registration.installing || registration.waiting;
    if (registration.active || !worker) return resolve();
    worker.addEventListener('statechange', () => worker.state === 'activated' && resolve());
  });
  return has || registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

async function switchOn() {
  if (await Notification.requestPermission() !== 'granted') return show(false, words.denied);
  const subscription = (await subscribe()).toJSON();
  const answer = await ask('POST', { endpoint: subscription.endpoint, keys: subscription.keys });
  if (!answer.ok) throw answer;
  show(true);
}

async function switchOff() {
  const registration = await navigator.serviceWorker.getRegistration(words.worker);
  const subscription = await registration?.pushManager.getSubscription();
  await subscription?.unsubscribe();
  const answer = await ask('DELETE');
  if (!answer.ok) throw answer;
  show(false);
}

const busy = act => async () => {
  on.disabled = off.disabled = true;
  await act().catch(() => show(!off.hidden, words.failed));
  on.disabled = off.disabled = false;
};

if ('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window) {
  on.addEventListener('click', busy(switchOn));
  off.addEventListener('click', busy(switchOff));
  const answer = await ask('GET').then(a => a.ok && a.json(), () => null);
  if (answer) {
    const registration = await navigator.serviceWorker.getRegistration(words.worker);
    const here = await registration?.pushManager.getSubscription();
    show(Boolean(here && answer.endpoint === here.endpoint));
    box.hidden = false;
  }
}
