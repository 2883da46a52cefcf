/** A TCP proxy that a test can shut: open connections are cut, and new ones are refused. */
import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'

export interface Gate {
  readonly url: string
  /** Bytes passed so far, in both directions. */
  readonly passed: () => number
  /** Cuts the open connections. New ones are still passed. */
  cut(): void
  shut(): void
  open(): void
}

/** @param target a URL, or the path of a socket */
export async function startGate(t: Test, target: string): Promise<Gate> {
  const connect = () => {
    if (target.startsWith('/')) return net.connect(target)
    const { hostname, port } = new URL(target)
    return net.connect(Number(port), hostname)
  }
  const sockets = new Set<net.Socket>()
  let isOpen = true
  let passed = 0
  const server = net.createServer((client) => {
    client.on('error', () => {})
    if (!isOpen) return void client.destroy()
    const upstream = connect().on('error', () => {})
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('data', (bytes) => {
        passed += bytes.length
      })
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.pipe(upstream).pipe(client)
  })
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const shut = () => {
    isOpen = false
    cut()
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    shut()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    passed: () => passed,
    cut,
    shut,
    open() {
      isOpen = true
    }
  }
}
