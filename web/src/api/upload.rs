//! Files sent to the server, with their progress, which `fetch` does not tell.

use super::{
    Answer, address,
    transport::{judged, named, read, unreachable},
};
use js_sys::Promise;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, ProgressEvent, XmlHttpRequest};

/// A file on its way; dropping it takes it back.
pub(crate) struct Upload {
    request: XmlHttpRequest,
    _told: Closure<dyn FnMut(ProgressEvent)>,
}

impl Drop for Upload {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.request.abort();
    }
}

impl Upload {
    /// Begins to send `file` to `path`; `told` hears the share that was sent. What comes back is in the second part.
    pub(crate) fn begin<T: DeserializeOwned + 'static>(
        path: &str,
        file: &File,
        content_type: &str,
        told: Box<dyn Fn(f64)>,
    ) -> Answer<(Self, impl Future<Output = Answer<T>> + use<T>)> {
        let request = XmlHttpRequest::new().map_err(unreachable)?;
        request.open("POST", &address(path)).map_err(unreachable)?;
        request.set_request_header("content-type", content_type).map_err(unreachable)?;
        for (name, value) in named() {
            request.set_request_header(name, &value).map_err(unreachable)?;
        }
        let progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
            if event.total() > 0.0 {
                told(event.loaded() / event.total());
            }
        });
        request.upload().map_err(unreachable)?.set_onprogress(Some(progress.as_ref().unchecked_ref()));
        let ended = Promise::new(&mut |resolve, _| request.set_onloadend(Some(&resolve)));
        request.send_with_opt_blob(Some(file)).map_err(unreachable)?;
        let sent = request.clone();
        let answer = async move {
            JsFuture::from(ended).await.map_err(unreachable)?;
            let status = sent.status().unwrap_or_default();
            if status == 0 {
                return Err(unreachable(wasm_bindgen::JsValue::NULL).into());
            }
            let text = sent.response_text().ok().flatten().unwrap_or_default();
            read(&judged(status, text)?.1)
        };
        Ok((Self { request, _told: progress }, answer))
    }
}
