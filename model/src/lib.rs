//! HRM on candle.
