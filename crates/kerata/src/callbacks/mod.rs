//! Callbacks: hear of the moments of a training and may change its course, as Keras's do.

mod backup_and_restore;
mod callback;
mod csv_logger;
mod early_stopping;
mod event_file;
mod lambda_callback;
mod learning_rate_scheduler;
mod list;
mod model_checkpoint;
mod monitor;
mod reduce_lr_on_plateau;
mod save_checkpoints;
mod state;
mod swap_ema_weights;
mod template;
mod tensorboard;
mod terminate_on_nan;
mod training;

#[cfg(test)]
mod against_keras;

pub use backup_and_restore::BackupAndRestore;
pub use callback::Callback;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use model_checkpoint::{ModelCheckpoint, SaveFreq};
pub use monitor::Mode;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use save_checkpoints::{OnFailure, SaveCheckpoints};
pub use swap_ema_weights::SwapEMAWeights;
pub use tensorboard::TensorBoard;
pub use terminate_on_nan::TerminateOnNaN;
pub use training::{Logs, Training};

pub(crate) use list::{CallbackList, CallbackTensors};
pub(crate) use training::{Host, no_metric};
