/**
 * Credentials of the `dtls-sock` example. Everybody has them: never use them for anything else.
 *
 * The PSKs are those that RIOT's example has, the key pairs are our own.
 */

import type { EcdsaPublicKey } from 'sock-dtls';

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

// Pre-shared keys: the client has two, the server has the second

export const CLIENT_PSK_IDENTITY_0 = 'Identity_0';
export const CLIENT_PSK_IDENTITY_0_KEY = 'secretPSK';
export const CLIENT_PSK_IDENTITY_0_HINT = 'Prefer_Id_0';

export const CLIENT_PSK_IDENTITY_1 = 'Identity_1';
export const CLIENT_PSK_IDENTITY_1_KEY = 'yetAnotherSecret';
export const CLIENT_PSK_IDENTITY_1_HINT = 'Prefer_Id_1';

export const SERVER_PSK_IDENTITY = CLIENT_PSK_IDENTITY_1;
export const SERVER_PSK_IDENTITY_KEY = CLIENT_PSK_IDENTITY_1_KEY;
export const SERVER_PSK_IDENTITY_HINT = CLIENT_PSK_IDENTITY_1_HINT;

// Raw public keys: the server has two key pairs, the client has one

export const serverPrivateKey0 = hex('308ee8d85ee46cd7d743043ed69ab4607f101a50652cc4367c846f406e2d1889');
export const serverPublicKey0: EcdsaPublicKey = {
  x: hex('0a7afcfa1bd4499b86726d68e903c743ac4a2f14870bfe5428b9d9b12ad83a05'),
  y: hex('fa43f6068cef03b3d34e83246744c774453e2340989d0bbe470b52b9791b83c2'),
};

export const serverPrivateKey1 = hex('fa7ba30c26ede104e4ce46650206e6c79c31c56cfa333ef6f14ea1870208c9ae');
export const serverPublicKey1: EcdsaPublicKey = {
  x: hex('382d41a9f643f4c51780e8a87e78dad55f1b62e788d0aa8fe4c5548cdfe33074'),
  y: hex('6d652085fc53f496e4d84fef301fe4e8d37060df350dcaf112dea3eab24e92d4'),
};

export const clientPrivateKey0 = hex('212e3a81c195245969e655be8875992a48072416d177bfa0ade45f258883f0d9');
export const clientPublicKey0: EcdsaPublicKey = {
  x: hex('b379266664d388240e21ef162e9d62357a9ee291428d0fff468ad91819de5299'),
  y: hex('254ea898b2dfd0319955ab54cf1162c576e58424f53e387e65817533dffd554b'),
};
