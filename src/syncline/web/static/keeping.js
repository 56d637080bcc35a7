// Keeps what is typed until it is saved, and says when the server is out of reach.
(() => {
  const PREFIX = 'typed:';
  const FIELDS = 'main input, main textarea, main .cm-content';
  // As it was before anything is typed on this page.
  const before = {...sessionStorage};
  let pending = {};
  let lost = false;
  let wasMissing = false;

  const person = () => document.querySelector('main.whole')?.dataset.person;
  const place = () => `${PREFIX}${person()}:${location.pathname}`;
  const read = () => JSON.parse(sessionStorage.getItem(place()) || '{}');

  function write(typed) {
    if (Object.keys(typed).length) sessionStorage.setItem(place(), JSON.stringify(typed));
    else sessionStorage.removeItem(place());
  }

  // Secrets are never kept, nor is what narrows a list, or is chosen and not typed.
  function isKept(field) {
    if (!person() || field.closest('.search, .secret, .q-select, .q-table__bottom')) return false;
    if (field.matches('.cm-content')) return true;
    if (field.readOnly || (field.autocomplete || '').includes('password')) return false;
    return field.matches('textarea') || ['text', 'number', 'email', 'url'].includes(field.type);
  }

  function nameOf(field) {
    const label = field.closest('label')?.querySelector('.q-field__label')?.textContent;
    const group = field.closest('[role=group]')?.getAttribute('aria-label') || '';
    return `${group}:${field.getAttribute('aria-label') || label || ''}`;
  }

  function editorOf(field) {
    const id = field.closest('.nicegui-codemirror')?.id.replace('c', '');
    return id ? getElement(Number(id))?.editor : null;
  }

  const valueOf = (field) =>
    field.matches('.cm-content') ? editorOf(field)?.state.doc.toString() : field.value;

  function fill(field, value) {
    const editor = field.matches('.cm-content') ? editorOf(field) : null;
    if (editor) {
      editor.dispatch({changes: {from: 0, to: editor.state.doc.length, insert: value}});
      return;
    }
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value').set.call(field, value);
    field.dispatchEvent(new Event('input', {bubbles: true}));
  }

  // Fields of other tabs come later.
  function restore() {
    if (!window.did_handshake || !Object.keys(pending).length) return;
    for (const field of document.querySelectorAll(FIELDS)) {
      const name = nameOf(field);
      if (!(name in pending) || !isKept(field) || valueOf(field) === undefined) continue;
      const value = pending[name];
      delete pending[name];
      if (valueOf(field) === value) {
        const typed = read();
        delete typed[name];
        write(typed);
      } else {
        fill(field, value);
        tellBack();
      }
    }
  }

  function tellBack() {
    if (document.querySelector('.typed-back') || location.pathname === '/explorer') return;
    const bar = document.createElement('div');
    bar.className = 'note is-warn typed-back';
    bar.setAttribute('role', 'status');
    bar.append('What you had typed here is back. It is not saved yet.');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'text-button';
    button.textContent = 'Discard It';
    button.addEventListener('click', () => { window.forgetTyped(); location.reload(); });
    bar.append(button);
    document.querySelector('main.whole > header')?.after(bar);
  }

  window.forgetTyped = (everywhere = false) => {
    pending = {};
    document.querySelector('.typed-back')?.remove();
    for (const key of Object.keys(sessionStorage)) {
      if (key === place() || (everywhere && key.startsWith(PREFIX))) sessionStorage.removeItem(key);
    }
  };

  document.addEventListener('input', (event) => {
    const field = event.target.closest?.('input, textarea, .cm-content');
    if (!field || !field.closest('main') || !isKept(field)) return;
    delete pending[nameOf(field)];
    // An editor takes what was typed a moment later.
    setTimeout(() => write({...read(), [nameOf(field)]: valueOf(field)}), 0);
  }, true);

  function show() {
    const bar = document.querySelector('.offline');
    const missing = Boolean(window.socket && !window.socket.connected);
    // A connection that is back at once is nobody's business.
    const away = missing && (lost || wasMissing === missing);
    wasMissing = missing;
    if (away === lost || !bar) return;
    lost = away;
    if (away) {
      bar.textContent = 'No connection to Syncline. What you type is kept, and the page goes on '
        + 'by itself.';
    } else {
      bar.textContent = 'Connected again.';
      setTimeout(() => { if (!lost) bar.textContent = ''; }, 2500);
    }
    bar.classList.toggle('is-back', !away);
  }

  window.addEventListener('DOMContentLoaded', () => {
    const bar = document.createElement('div');
    bar.className = 'offline';
    bar.setAttribute('role', 'status');
    document.body.append(bar);
    setInterval(show, 1000);
    const begin = setInterval(() => {
      if (!window.did_handshake || !person()) return;
      clearInterval(begin);
      const wanted = new URLSearchParams(location.search);
      pending = wanted.has('sql') || wanted.has('query') ? {} : JSON.parse(before[place()] || '{}');
      restore();
      new MutationObserver(restore).observe(document.querySelector('main.whole'),
        {childList: true, subtree: true, attributeFilter: ['aria-label']});
    }, 100);
  });

  // Whoever goes to another page does not come back to this one: the server need not wait.
  window.addEventListener('pagehide', () => { if (window.did_handshake) emitEvent('leaving'); });
})();
