// Looks again while the page is seen, and exchanges what is in <main> when it has changed. A page that does not change is
// asked for less and less often; one that nobody sees is not asked for, so that the console can go to zero.
const soonest = Number(document.querySelector('main')?.dataset.refreshMs ?? 5_000);
const latest = 6 * soonest;
const freshness = document.getElementById('freshness');

let pause = soonest;
let timer;
let tag;
let text;

function schedule() {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, pause);
}

async function look() {
  if (isBusy()) return schedule();
  try {
    const headers = tag ? { 'if-none-match': tag } : {};
    const answer = await fetch(location.href, { headers, cache: 'no-store' });
    if (answer.status === 304) {
      say('up to date');
      pause = Math.min(pause * 1.5, latest);
    } else if (answer.ok || answer.status === 404) {
      tag = answer.headers.get('etag') ?? undefined;
      take(await answer.text());
      say('up to date');
    } else {
      say(`not up to date: the console answers ${answer.status}`);
    }
  } catch {
    say('not up to date: the console cannot be reached');
    pause = Math.min(pause * 1.5, latest);
  }
  schedule();
}

/** Nobody likes it when what he reads, marks or writes goes away under his hands. */
function isBusy() {
  const { activeElement } = document;
  const isWriting = activeElement?.matches('main input, main textarea, main select') ?? false;
  const isUnsent = [...document.querySelectorAll('main input')].some(
    ({ value, defaultValue }) => value !== defaultValue,
  );
  return isWriting || isUnsent || !(getSelection()?.isCollapsed ?? true);
}

function take(page) {
  if (page === text) return;
  text = page;
  const next = new DOMParser().parseFromString(page, 'text/html');
  const [from, to] = [next.querySelector('main'), document.querySelector('main')];
  if (!from || !to || from.innerHTML === to.innerHTML) return;
  const focused = toSelector(document.activeElement);
  const scrolled = [...to.querySelectorAll('.wide')].map(({ scrollLeft }) => scrollLeft);
  const opened = [...to.querySelectorAll('details[open][id]')].map(({ id }) => id);
  document.title = next.title;
  to.replaceWith(document.adoptNode(from));
  for (const [index, left] of scrolled.entries()) {
    const box = from.querySelectorAll('.wide')[index];
    if (box) box.scrollLeft = left;
  }
  for (const id of opened) document.getElementById(id)?.setAttribute('open', '');
  if (focused) from.querySelector(focused)?.focus({ preventScroll: true });
  pause = soonest;
}

/** How the same thing is found in the next page. */
function toSelector(element) {
  if (!element?.closest('main')) return undefined;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const href = element.getAttribute('href');
  if (href !== null) return `[href="${CSS.escape(href)}"]`;
  const label = element.getAttribute('aria-label');
  return label === null ? undefined : `[aria-label="${CSS.escape(label)}"]`;
}

function say(words) {
  if (freshness && freshness.textContent !== words) freshness.textContent = words;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return clearTimeout(timer);
  pause = soonest;
  void look();
});

document.addEventListener('keydown', (event) => {
  const isTyping = document.activeElement?.matches('input, textarea, select') ?? false;
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.querySelector('.find input')?.select();
});

schedule();
