//! The credential pool of the process.

use dtls_sock::{CredentialType, Credman, CredmanError, LoadedKey, Params, Tag};
use napi::bindgen_prelude::{Either, Env, Uint8ArraySlice};
use napi_derive::napi;

/// A copy of a credential.
#[napi(object, object_from_js = false)]
pub struct NativeCredential<'env> {
    pub id: Option<Uint8ArraySlice<'env>>,
    pub key: Option<Uint8ArraySlice<'env>>,
    pub hint: Option<Uint8ArraySlice<'env>>,
    pub private_key: Option<Uint8ArraySlice<'env>>,
    pub x: Option<Uint8ArraySlice<'env>>,
    pub y: Option<Uint8ArraySlice<'env>>,
    pub client_keys: Option<Vec<Uint8ArraySlice<'env>>>,
}

#[napi]
pub fn credman_add_psk(tag: u32, id: Option<&[u8]>, key: Option<&[u8]>, hint: Option<&[u8]>) -> i32 {
    add(tag, Params::Psk { id, key, hint })
}

#[napi]
pub fn credman_add_ecdsa(
    tag: u32,
    private_key: Option<&[u8]>,
    x: Option<&[u8]>,
    y: Option<&[u8]>,
    client_keys: Vec<&[u8]>,
) -> i32 {
    let (pairs, odd) = client_keys.as_chunks::<2>();
    if !odd.is_empty() {
        return CredmanError::Invalid.code();
    }
    let client_keys = pairs.iter().map(|[x, y]| (*x, *y)).collect::<Vec<_>>();
    add(tag, Params::Ecdsa { private_key, public_key: x.zip(y), client_keys: &client_keys })
}

#[napi]
pub fn credman_get(
    env: &Env,
    tag: u32,
    #[napi(ts_arg_type = "number")] credential_type: u32,
) -> napi::Result<Option<NativeCredential<'_>>> {
    let array = |bytes: &[u8]| Uint8ArraySlice::copy_from(env, bytes);
    let pool = Credman::global();
    let Ok(tag) = Tag::try_from(tag) else { return Ok(None) };
    let empty =
        NativeCredential { id: None, key: None, hint: None, private_key: None, x: None, y: None, client_keys: None };
    match CredentialType(credential_type) {
        CredentialType::PSK => {
            let Some(credential) = pool.psk(tag) else { return Ok(None) };
            let psk = credential.psk();
            let id = (!psk.identity().is_empty()).then(|| array(psk.identity())).transpose()?;
            let hint = credential.hint().map(array).transpose()?;
            Ok(Some(NativeCredential { id, key: Some(array(psk.key())?), hint, ..empty }))
        }
        CredentialType::ECDSA => {
            let Some(credential) = pool.ecdsa(tag) else { return Ok(None) };
            let keys = credential.client_keys().iter().flat_map(|key| [array(key.x()), array(key.y())]);
            Ok(Some(NativeCredential {
                private_key: Some(array(credential.private_key())?),
                x: Some(array(credential.public_key().x())?),
                y: Some(array(credential.public_key().y())?),
                client_keys: Some(keys.collect::<napi::Result<_>>()?),
                ..empty
            }))
        }
        _ => Ok(None),
    }
}

#[napi]
pub fn credman_delete(tag: u32, #[napi(ts_arg_type = "number")] credential_type: u32) {
    if let Ok(tag) = Tag::try_from(tag) {
        Credman::global().delete(tag, CredentialType(credential_type));
    }
}

#[napi]
pub fn credman_delete_all() {
    Credman::global().delete_all();
}

#[napi]
pub fn credman_count() -> u32 {
    Credman::global().used_count() as u32
}

#[napi]
pub fn credman_set_max(limit: u32) -> i32 {
    Credman::global().set_max_credentials(limit as usize);
    0
}

/// x, y; or `CREDMAN_INVALID`.
#[napi]
pub fn credman_load_public_key<'env>(env: &'env Env, der: &[u8]) -> napi::Result<Either<Uint8ArraySlice<'env>, i32>> {
    match dtls_sock::load_public_key(der) {
        Ok(key) => Ok(Either::A(Uint8ArraySlice::copy_from(env, [key.x(), key.y()].concat())?)),
        Err(error) => Ok(Either::B(error.code())),
    }
}

/// d, x, y; or `CREDMAN_INVALID`.
#[napi]
pub fn credman_load_private_key<'env>(
    env: &'env Env,
    der: &[u8],
    ecc: bool,
) -> napi::Result<Either<Uint8ArraySlice<'env>, i32>> {
    let loaded = if ecc { dtls_sock::load_private_ecc_key(der) } else { dtls_sock::load_private_key(der) };
    match loaded {
        Ok(LoadedKey { private_key, public_key }) => {
            let parts = [&private_key[..], public_key.x(), public_key.y()];
            let bytes = zeroize::Zeroizing::new(parts.concat());
            Ok(Either::A(Uint8ArraySlice::copy_from(env, &bytes[..])?))
        }
        Err(error) => Ok(Either::B(error.code())),
    }
}

fn add(tag: u32, params: Params<'_>) -> i32 {
    let added = Tag::try_from(tag).map_err(|_| CredmanError::Invalid);
    match added.and_then(|tag| Credman::global().add(tag, params)) {
        Ok(()) => 0,
        Err(error) => error.code(),
    }
}
