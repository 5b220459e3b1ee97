/**
 * Names of cipher suites and groups.
 *
 * @module
 */

/** The cipher suites that this package knows, by name, in its order of preference. */
export const CIPHER_SUITES: Readonly<Record<string, number>> = Object.freeze({
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256: 0xd001,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
  TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256: 0xccac,
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM: 0xc0ac,
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: 0xc0ae,
  TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256: 0xd003,
  TLS_PSK_WITH_AES_128_GCM_SHA256: 0x00a8,
  TLS_PSK_WITH_AES_256_GCM_SHA384: 0x00a9,
  TLS_PSK_WITH_CHACHA20_POLY1305_SHA256: 0xccab,
  TLS_PSK_WITH_AES_128_CCM: 0xc0a4,
  TLS_PSK_WITH_AES_256_CCM: 0xc0a5,
  TLS_PSK_WITH_AES_128_CCM_8: 0xc0a8,
  TLS_PSK_WITH_AES_256_CCM_8: 0xc0a9,
});

const suiteNames = new Map(Object.entries(CIPHER_SUITES).map(([name, number]) => [number, name]));

const groups: ReadonlyMap<string, number> = new Map([
  ['secp256r1', 23],
  ['x25519', 29],
]);

/** The number of a suite that is known. */
export function suiteNumber(suite: string | number): number | undefined {
  if (typeof suite === 'number') return suiteNames.has(suite) ? suite : undefined;
  return Object.hasOwn(CIPHER_SUITES, suite) ? CIPHER_SUITES[suite] : undefined;
}

/** The name of a suite. */
export function suiteName(number: number): string {
  return suiteNames.get(number) ?? `0x${number.toString(16).padStart(4, '0')}`;
}

/** The number of a group that is known. */
export function groupNumber(group: string | number): number | undefined {
  if (typeof group === 'number') return [...groups.values()].includes(group) ? group : undefined;
  return groups.get(group);
}
