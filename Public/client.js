// Tidings live reload: swaps stylesheets and images, or reloads once.
(() => {
	if (self.tidings) return
	self.tidings = 1
	const { src, dataset } = document.currentScript
	// Not served, droppings, sources of what will change.
	const noise = /(^|\/)(\.(?!well-k)|4913$|___jb_|#)|~$|\.(map|tmp|sw.|s[ac]ss|less|styl|tsx?|jsx|md)$/i
	const todo = new Set, seen = new Map // path: state
	let begun, timer, socket, cursor, pause, stale, over, tries = 0, work = Promise.resolve()

	const head = (url) => fetch(url, { method: 'HEAD', cache: 'no-store' })
	const fresh = (url) => url.replace(/(\?[^#]*)?(?=#|$)/, '?' + Date.now())
	const pathOf = (url) => {
		try {
			url = new URL(url, document.baseURI)
			if (url.origin === origin) return decodeURIComponent(url.pathname)
		} catch {}
	}
	const loaded = () => new Set([location.href, ...performance.getEntriesByType('resource')
		.map((e) => e.name)].map(pathOf))

	// After a reset, what differs changed.
	const look = () => work = work.then(async () => {
		const all = stale
		stale = 0
		for (const path of loaded()) {
			const old = seen.get(path)
			if (!path || old && !all) continue
			const { status, headers } = await head(path)
			const now = status + headers.get('etag')
			if (old && old !== now) touch(path.slice(1))
			seen.set(path, now)
		}
	}).catch(() => stale = 1)

	// After 50 ms of quiet, at most 500.
	const touch = (path) => {
		if (over || noise.test(path)) return
		if (!todo.size) begun = Date.now()
		todo.add('/' + path)
		clearTimeout(timer)
		timer = setTimeout(act, Math.min(50, begun + 500 - Date.now()))
	}

	const act = () => {
		for (const path of todo) {
			seen.delete(path)
			if (/\.css$/i.test(path)) swapStyle(path)
			else if (!/\.(png|jpe?g|gif|svg|webp|avif)$/i.test(path)
				|| !swapImage(path) && loaded().has(path)) return reload(100)
		}
		todo.clear()
		look()
	}

	const reload = async (wait) => {
		over = 1
		if (await head(location).then((r) => r.status < 500, () => 0)) location.reload()
		else setTimeout(reload, wait, Math.min(2 * wait, 1e3))
	}

	// The old stays until the new is there. Imported: all are renewed.
	const swapStyle = (path) => {
		const links = [...document.querySelectorAll('link[rel~=stylesheet]')]
			.filter((link) => pathOf(link.href) && !link.next)
		const own = links.filter((link) => pathOf(link.href) === path)
		for (const link of own[0] ? own : links) {
			const next = link.next = link.cloneNode()
			const old = next.old = [link, ...link.old ?? []]
			next.href = fresh(link.href)
			next.onload = next.onerror = () => old.map((el) => el.remove())
			link.after(next)
		}
	}

	const swapImage = (path) => {
		let hit
		const swap = (url) => pathOf(url) === path ? hit = fresh(url) : url
		for (const node of document.querySelectorAll('img,source,[style]')) {
			for (const name of ['src', 'srcset', 'style']) {
				const old = node.getAttribute(name) ?? ''
				const now = old.replace(/[^\s"'()]*[^\s"'(),]/g, swap)
				if (old !== now) node.setAttribute(name, now)
			}
		}
		return hit
	}

	const connect = () => {
		if (over || socket?.readyState < 2) return
		socket = new WebSocket(src.replace(/http(.*)client.js/, 'ws$1v1/socket'), 'tidings.v1')
		socket.onopen = () => socket.send(JSON.stringify({
			op: 'subscribe', ref: 'p', watch: dataset.watch, kinds: 'create,modify,delete,move',
			since: cursor ?? Math.ceil(performance.now() + 30) + 'ms' // the page's age
		}))
		socket.onmessage = ({ data }) => {
			const { event, id, kind, type, path, from, reconnectAfter } = JSON.parse(data)
			cursor = id ?? cursor
			if (event === 'bye') pause = reconnectAfter
			if (event === 'hello') tries = pause = 0, look()
			if (event === 'reset') stale = 1, look()
			if (event === 'reload') touch('')
			if (event === 'change' && type + kind !== 'directorycreate') [path, from ?? path].map(touch)
		}
		socket.onclose = ({ code }) => {
			over ||= /4401|1008/.test(code)
			setTimeout(connect, pause || Math.random() * Math.min(5e3, 500 * 2 ** tries++))
		}
	}
	addEventListener('pagehide', () => socket.close())
	addEventListener('pageshow', connect)
})()
