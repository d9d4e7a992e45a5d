// The dashboard: a client of the public API and of nothing else. What comes from the server is put
// into the page as text only, since file names may hold anything.

const get = (id) => document.getElementById(id)
const make = (name, className, ...content) => {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...content)
  return element
}
const number = new Intl.NumberFormat('en')
const count = (value) => number.format(value ?? 0)
const plural = (value, one, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`

const duration = (seconds) => {
  if (seconds < 60) return `${Math.floor(seconds)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`
}
const size = (bytes) => {
  const units = ['B', 'kB', 'MB', 'GB']
  let unit = 0
  while (bytes >= 1000 && unit < 3) { bytes /= 1000; unit++ }
  return `${bytes < 10 && unit ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`
}

// Names

// Exact bytes where the text could not hold them: what is no UTF-8 becomes \xHH.
const exact = (text, base64) => {
  if (!base64) return text
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let result = ''
  for (let start = 0; start < bytes.length;) {
    let length = Math.min(4, bytes.length - start)
    for (; length; length--) {
      try {
        result += decoder.decode(bytes.subarray(start, start + length))
        break
      } catch { /* shorter */ }
    }
    if (!length) result += `\\x${bytes[start].toString(16).padStart(2, '0')}`
    start += length || 1
  }
  return result
}
// Controls and marks that turn the direction of text would lie about a name: shown by their number.
const odd = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u
const shown = (text) => {
  const name = make('bdi')
  for (const part of text.split(/([\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff])/u)) {
    if (!odd.test(part)) name.append(part)
    else name.append(make('span', 'odd', part === '\n' ? '\\n' : part === '\t' ? '\\t'
      : `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`))
  }
  return name
}

// API

class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? problem.title)
    this.hint = problem.hint
  }
}
const call = async (method, path, body) => {
  const answer = await fetch(`/-/v1/${path}`, {
    method,
    cache: 'no-store',
    headers: body || method === 'DELETE' ? { 'Content-Type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  })
  if (answer.ok) return answer.status === 204 ? null : answer.json()
  const isProblem = answer.headers.get('Content-Type')?.startsWith('application/problem+json')
  throw new Refused(isProblem ? await answer.json() : { detail: `${answer.status} ${answer.statusText}` })
}
const showProblem = (place, error) => {
  place.replaceChildren(error.message)
  if (error.hint) place.append(make('code', '', error.hint))
  place.hidden = false
}

// Link: what the state of the connection is called, and how it is shown

const setLink = (state, text) => {
  document.body.dataset.link = state
  if (get('link').textContent !== text) get('link').textContent = text
}

// Event log: newest first, bounded; shown once per frame

const LOG_LENGTH = 1000
const ROWS = 400
let events = [] // newest last
let total = 0
let paused = false
let held = 0
let matches = () => true
let fresh = [] // arrived since the last frame

const glob = (pattern) => {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|\{|\}|,|[.+^$()|[\]\\]/g, (part) => ({
    '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]', '{': '(?:', '}': ')', ',': '|',
  })[part] ?? `\\${part}`)
  return new RegExp(`^${source}$`, 'u')
}
// Words must all match. `kind:` and `watch:` name a field; a word with a wildcard is a glob over the
// whole path, any other is looked for anywhere in it.
const filterFrom = (text) => {
  const tests = text.trim().split(/\s+/).filter(Boolean).map((word) => {
    const [, field, value] = word.match(/^(kind|watch):(.*)$/) ?? []
    if (field) return (event) => (event[field] ?? '').startsWith(value)
    if (/[*?{]/.test(word)) {
      try {
        const pattern = glob(word)
        return (event) => pattern.test(event.name) || pattern.test(event.oldName ?? '')
      } catch { /* not finished being typed */ }
    }
    const part = word.toLowerCase()
    return (event) => `${event.name} ${event.oldName ?? ''}`.toLowerCase().includes(part)
  })
  return (event) => tests.every((test) => test(event))
}

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3,
})
const row = (event) => {
  const path = make('span', 'path')
  if (event.oldName !== undefined) path.append(shown(event.oldName), make('span', 'from', ' → '))
  path.append(event.name === '' && event.event === 'change' ? 'the root itself' : shown(event.name))
  if (event.type === 'directory') path.append('/')
  const kind = make('span', 'kind', event.kind)
  kind.dataset.kind = event.kind
  const time = make('time', '', clock.format(event.at))
  time.dateTime = event.at.toISOString()
  const notes = make('span', 'notes', event.notes.join(' · '))
  notes.title = notes.textContent
  return make('li', '', time, kind, path, notes)
}
const describe = (event) => {
  const notes = []
  if (event.pathBytes || event.fromBytes) notes.push('not UTF-8')
  if (event.replaced) notes.push('replaced')
  if (event.moved) notes.push(event.kind === 'create' ? 'moved in' : 'moved out')
  if (event.exchange) notes.push('exchanged')
  if (event.cause === 'rescan') notes.push('found by rescan')
  // Making, writing and closing a file are three records already.
  if (event.count > 3) notes.push(`${count(event.count)} merged`)
  if (event.size !== undefined && event.type === 'file' && event.kind !== 'delete') notes.push(size(event.size))
  if (watches.length > 1 && event.watch) notes.push(event.watch)
  return {
    ...event, notes,
    at: event.time ? new Date(event.time) : new Date(),
    name: exact(event.path ?? '', event.pathBytes),
    oldName: event.from === undefined ? undefined : exact(event.from, event.fromBytes),
  }
}
const keep = (event) => {
  total++
  if (paused) held++
  fresh.push(describe(event))
  if (fresh.length > LOG_LENGTH) fresh.shift()
  schedule()
}
let scheduled = false
const schedule = () => {
  if (scheduled) return
  scheduled = true
  requestAnimationFrame(() => {
    scheduled = false
    if (!paused) flush()
    labels()
  })
}
const flush = () => {
  const log = get('log')
  const rows = fresh.filter(matches).slice(-ROWS).map(row)
  rows.forEach((line) => line.classList.add('new'))
  log.prepend(...rows.reverse())
  while (log.childElementCount > ROWS) log.lastElementChild.remove()
  events = events.concat(fresh).slice(-LOG_LENGTH)
  fresh = []
}
const redraw = () => {
  get('log').replaceChildren(...events.filter(matches).slice(-ROWS).reverse().map(row))
  labels()
}
const labels = () => {
  const isEmpty = !get('log').childElementCount
  get('log-empty').hidden = !isEmpty
  get('log-empty-text').textContent = events.length
    ? 'No event matches the filter.' : paused ? 'Paused.' : 'Waiting for the next change.'
  get('events-count').textContent = total ? count(total) : ''
  get('pause').textContent = paused ? (held ? `Resume (${count(held)})` : 'Resume') : 'Pause'
  get('pause').setAttribute('aria-pressed', paused)
}
get('filter').addEventListener('input', () => {
  matches = filterFrom(get('filter').value)
  redraw()
})
get('pause').addEventListener('click', () => {
  paused = !paused
  held = 0
  if (!paused) flush()
  labels()
})
get('clear').addEventListener('click', () => {
  events = []
  fresh = []
  total = held = 0
  redraw()
})
addEventListener('keydown', (event) => {
  const isTyping = event.target.closest('input, textarea, dialog')
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === '/') {
    event.preventDefault()
    get('filter').focus()
  }
  if (event.key === 'p') get('pause').click()
})

// The stream

let cursor
let attempts = 0
const connect = () => {
  setLink('connecting', attempts ? 'reconnecting' : 'connecting')
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/-/v1/socket`, 'tidings.v1')
  let pause
  socket.onopen = () => socket.send(JSON.stringify({ op: 'subscribe', ref: 'log', since: cursor ?? 'now' }))
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    cursor = message.id ?? cursor
    switch (message.event) {
      case 'hello':
        attempts = 0
        setLink('live', 'live')
        refresh()
        break
      case 'change':
        keep(message)
        break
      case 'reset':
        for (const { watch, path } of message.scope ?? []) {
          keep({ ...message, kind: 'reset', watch, path: `${path || 'everything'}: ${message.reason}` })
        }
        break
      case 'watch':
        keep({ ...message, kind: 'watch', path: `${message.watch}: ${message.state}` })
        refreshSoon()
        break
      case 'bye':
        pause = message.reconnectAfter
        break
    }
    if (message.op === 'error') setLink('refused', message.detail ?? 'refused')
  }
  socket.onclose = ({ code }) => {
    if (code === 4401 || code === 1008) return setLink('refused', 'not allowed')
    const delay = pause ?? Math.random() * Math.min(15000, 500 * 2 ** attempts)
    attempts++
    setLink('lost', `disconnected, trying again in ${Math.ceil(delay / 1000)} s`)
    setTimeout(connect, delay)
  }
}

// Watches

let watches = []
const numberOf = (value, label, isBad = false) => {
  const item = make('span', isBad ? 'bad' : '', make('b', '', count(value)), ` ${label}`)
  return item
}
const watchCard = (watch) => {
  const state = make('span', 'state', watch.state)
  state.dataset.state = watch.state
  const remove = make('button', 'quiet', 'Remove')
  remove.type = 'button'
  remove.dataset.remove = watch.id
  remove.setAttribute('aria-label', `Remove the watch ${watch.id}`)
  const where = make('span', 'where mono')
  where.append(shown(exact(watch.root, watch.rootBytes)))
  const { crawl, counters, filesystem } = watch
  const numbers = make('div', 'numbers',
    make('span', '', `${watch.backend} on ${filesystem.type}${filesystem.remote ? ', remote' : ''}`),
    numberOf(crawl.directories, crawl.directories === 1 ? 'directory' : 'directories'),
    numberOf(crawl.files, crawl.files === 1 ? 'file' : 'files'),
    numberOf(counters.changes, counters.changes === 1 ? 'change' : 'changes'))
  if (!crawl.done) numbers.append(make('span', '', `crawling for ${crawl.seconds.toFixed(1)} s`))
  if (counters.overflows) numbers.append(numberOf(counters.overflows, counters.overflows === 1 ? 'overflow' : 'overflows', true))
  if (counters.rescans) numbers.append(numberOf(counters.rescans, counters.rescans === 1 ? 'rescan' : 'rescans'))
  const card = make('li', '', make('div', 'title', state, make('strong', '', watch.spec?.label ?? watch.id), remove), where, numbers)
  if (watch.reason || watch.problem) {
    const problem = make('div', 'problem', watch.problem?.detail ?? watch.reason)
    if (watch.problem?.hint) problem.append(make('code', '', watch.problem.hint))
    card.append(problem)
  }
  card.dataset.watch = watch.id
  return card
}

// Clients

const ALL_KINDS = 8

const clientCards = (client) => (client.subscriptions.length ? client.subscriptions : [{}]).map((subscription) => {
  const { lag = {}, watch = [], path = [], kinds } = subscription
  const transport = make('span', 'state', client.transport === 'websocket' ? 'WebSocket' : client.transport.toUpperCase())
  const title = make('div', 'title', transport, make('strong', 'mono', client.address))
  const filter = [
    watch.length ? watch.join(', ') : 'all watches',
    ...path.length ? [path.join(', ')] : [],
    ...kinds?.length && kinds.length < ALL_KINDS ? [kinds.join(', ')] : [],
  ]
  const where = make('span', 'where')
  where.append(shown(filter.join(' · ')))
  const numbers = make('div', 'numbers', make('span', '', `for ${duration(client.connectedSeconds)}`))
  if (subscription.sent !== undefined) numbers.append(numberOf(subscription.sent, 'sent'))
  numbers.append(lag.changes
    ? make('span', 'bad', make('b', '', plural(lag.changes, 'change')), ` behind, ${lag.seconds.toFixed(1)} s`)
    : make('span', '', 'up to date'))
  if (subscription.resets) numbers.append(numberOf(subscription.resets, subscription.resets === 1 ? 'reset' : 'resets', true))
  return make('li', '', title, where, numbers)
})

// Asked for every two seconds while somebody looks. A list that says what it said is left alone, so
// that neither focus nor a selection is lost.

const fill = (id, items, cards) => {
  const list = get(id)
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.remove
  const next = make('ul', '', ...cards)
  if (next.innerHTML !== list.innerHTML) {
    list.replaceChildren(...next.childNodes)
    if (focused) list.querySelector(`[data-remove="${CSS.escape(focused)}"]`)?.focus()
  }
  get(`${id}-empty`).hidden = items.length > 0
  get(`${id}-count`).textContent = items.length || ''
}
const setFact = (name, text) => { document.querySelector(`[data-fact="${name}"]`).textContent = text }
let refreshing
const refresh = async () => {
  clearTimeout(refreshing)
  try {
    const [watched, followed, stats] = await Promise.all(['watches', 'clients', 'stats'].map((path) => call('GET', path)))
    watches = watched.watches
    fill('watches', watches, watches.map(watchCard))
    fill('clients', followed.clients, followed.clients.flatMap(clientCards))
    setFact('version', stats.version)
    setFact('uptime', duration(stats.uptimeSeconds))
    setFact('connections', count(stats.connections))
    setFact('journal', `${plural(stats.journal.records, 'record')}, ${size(stats.journal.bytes)}`)
    setFact('head', `${stats.epoch}-${stats.head}`.split('-').slice(-2).join('-'))
  } catch (error) {
    if (error instanceof Refused) setLink('refused', error.message)
  }
  clearTimeout(refreshing)
  if (!document.hidden) refreshing = setTimeout(refresh, 2000)
}
const refreshSoon = () => {
  clearTimeout(refreshing)
  refreshing = setTimeout(refresh, 100)
}
document.addEventListener('visibilitychange', () => document.hidden || refresh())

// Adding and removing

for (const button of document.querySelectorAll('[data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close())
}
const submit = (form, problem, action) => form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const button = form.querySelector('[type="submit"]')
  button.disabled = true
  problem.hidden = true
  try {
    await action()
    form.closest('dialog').close()
    refresh()
  } catch (error) {
    showProblem(problem, error)
  }
  button.disabled = false
})

get('add').addEventListener('click', () => {
  get('add-form').reset()
  get('add-problem').hidden = true
  get('add-dialog').showModal()
})
submit(get('add-form'), get('add-problem'), () => {
  const { root, id, ignore, gitignore } = get('add-form').elements
  const spec = { root: root.value, gitignore: gitignore.checked }
  if (id.value) spec.id = id.value
  const patterns = ignore.value.split('\n').filter((line) => line.trim())
  if (patterns.length) spec.ignore = patterns
  return call('POST', 'watches', spec)
})

let leaving
get('watches').addEventListener('click', ({ target }) => {
  leaving = target.closest('[data-remove]')?.dataset.remove
  if (!leaving) return
  get('remove-name').textContent = leaving
  get('remove-problem').hidden = true
  get('remove-dialog').showModal()
})
submit(get('remove-form'), get('remove-problem'), () => call('DELETE', `watches/${encodeURIComponent(leaving)}`))

get('curl').textContent = `curl -N ${location.origin}/-/v1/events`
connect()
