/** What the command line reads from the environment as a client; the server has no use for it, and does not warn of it. */
export const CLIENT_SETTINGS = [
  'FIXDEPOT_URL',
  'FIXDEPOT_USER',
  'FIXDEPOT_PASSWORD',
  'FIXDEPOT_TOKEN',
  'FIXDEPOT_CA_FILE',
  'FIXDEPOT_PROFILE'
] as const

export type ClientSetting = (typeof CLIENT_SETTINGS)[number]
