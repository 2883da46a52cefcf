/** The network of an address: one caller can use all addresses of it, since an IPv6 host has a whole /64. */
import { isIPv6 } from 'node:net'

/** The eight groups of `::ffff:0:0/96`, without the two that are the IPv4 address (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX = '0:0:0:0:0:ffff'

/** An IPv4 address, also for its IPv6-mapped forms; the /64 of an IPv6 address; any other text as it is. */
export function networkOf(address: string): string {
  const [plain = ''] = address.split('%', 1)
  if (!isIPv6(plain)) return address
  const groups = groupsOf(plain)
  if (groups.slice(0, 6).join(':') === MAPPED_PREFIX) return dottedOf(groups.slice(6))
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** All eight groups of an IPv6 address, in lower case and without leading zeros. */
function groupsOf(address: string): string[] {
  const [head = '', tail = ''] = address.replace(/\d+\.\d+\.\d+\.\d+$/, hexadecimalOf).split('::')
  const [left, right] = [split(head), split(tail)]
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...zeros, ...right]
}

function split(text: string): string[] {
  return text === '' ? [] : text.split(':').map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
}

/** The last 32 bits of an IPv6 address as two groups instead of an IPv4 address. */
function hexadecimalOf(dotted: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  return `${(256 * a + b).toString(16)}:${(256 * c + d).toString(16)}`
}

function dottedOf(groups: readonly string[]): string {
  return groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255])
    .join('.')
}
