import t from 'tap'
import { networkOf } from '../../../../src/core/accounts/network-of.ts'

t.test('an IPv4 address is its own network', async (t) => {
  for (const address of ['192.0.2.1', '192.0.2.7']) t.equal(networkOf(address), address)
})

t.test('a mapped IPv4 address, in any spelling, is in the network of the IPv4 address', async (t) => {
  for (const address of ['::ffff:192.0.2.7', '::FFFF:192.0.2.7', '::ffff:c000:207', '0:0:0:0:0:ffff:c000:0207']) {
    t.equal(networkOf(address), '192.0.2.7', address)
  }
})

t.test('the network of an IPv6 address is its /64, in one spelling', async (t) => {
  const cases: [address: string, network: string][] = [
    ['::1', '0:0:0:0::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::192.0.2.7', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0002:a:b:c:d', '2001:db8:0:2::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64']
  ]
  for (const [address, network] of cases) t.equal(networkOf(address), network, address)
})

t.test('a text that is not an address is returned unchanged', async (t) => {
  for (const text of ['', 'various', 'a:b', '999.0.0.1']) t.equal(networkOf(text), text)
})
